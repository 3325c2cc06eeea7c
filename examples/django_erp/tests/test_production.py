"""
With the settings of production a save forgets, and is no error, whether the cache server is there or not.

Runs with ``nalar.settings`` like all tests, and with ``--settings nalar.production``.
"""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from django.conf import settings
from django.test import Client, override_settings

from hitrate.django import get_cache_stats, invalidate_cache
from tests.erp import ERPTestCase, is_hit
from tests.test_services import at

EMPLOYEES = "/api/v1/hr/employees/"


class ProductionTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"{EMPLOYEES}{self.employee('ani').pk}/"

    def rename(self, name: str) -> None:
        saved = self.sri.client.patch(self.path, {"first_name": name}, secure=True)
        self.assertEqual(saved.status_code, 200, saved.content)

    def shown(self) -> str:
        return str(self.ani.client.get(self.path, secure=True).json()["first_name"])

    def test_a_save_is_kept_and_forgets(self) -> None:
        self.assertFalse(settings.DEBUG)
        self.assertEqual([self.shown(), self.shown()], ["Ani", "Ani"])
        self.assertTrue(is_hit(self.ani.client.get(self.path, secure=True)))
        self.rename("Anita")
        self.assertEqual(self.shown(), "Anita")
        self.assertEqual(invalidate_cache("employee_detail:*"), 1)

    def test_statistics_are_no_error(self) -> None:
        self.shown()
        self.assertRegex(str(get_cache_stats()["hit_rate"]), r"\A\d+\.\d\d%\Z")

    def test_a_save_without_the_cache_server_is_no_error_either(self) -> None:
        with override_settings(CACHES=at("redis://127.0.0.1:1")), self.assertLogs("hitrate"):
            self.rename("Anita")
            self.assertEqual(self.shown(), "Anita")
            invalidate_cache("employees:*")
            get_cache_stats()

    def test_answers_of_users_are_for_no_cache_between(self) -> None:
        control = self.ani.client.get(EMPLOYEES, secure=True).headers["Cache-Control"]
        self.assertIn("private", control)

    def test_plain_http_is_sent_to_https_in_production_only(self) -> None:
        status = Client(headers={"X-Tenant-ID": str(self.north.pk)}).get("/health/").status_code
        self.assertEqual(status, 301 if settings.SECURE_SSL_REDIRECT else 200)
