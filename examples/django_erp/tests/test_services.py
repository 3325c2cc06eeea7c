"""Sessions, throttles, the health page, the door: what shares the cache with answers, or is asked before them."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

import pickle
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.core.cache import cache, caches
from django.test import Client, override_settings
from rest_framework.throttling import SimpleRateThrottle

from hitrate.django import get_redis_connection
from tests.erp import ERPTestCase, is_hit

EMPLOYEES = "/api/v1/hr/employees/"
LOGIN = "/api/v1/auth/login/"


def at(url: str) -> dict[str, Any]:
    """The settings of the caches, on another server."""
    return {alias: {**options, "LOCATION": url} for alias, options in settings.CACHES.items()}


class SessionTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.users["ani"].set_password("correct horse")
        self.users["ani"].save()
        self.browser = Client(headers={"X-Tenant-ID": str(self.north.pk)})

    def sign_in(self, password: str = "correct horse") -> int:
        credentials = {"username": "ani", "password": password}
        return self.browser.post(LOGIN, credentials, content_type="application/json").status_code

    def test_a_session_is_kept_in_the_cache_of_sessions(self) -> None:
        self.assertEqual(self.browser.get(EMPLOYEES).status_code, 403)
        self.assertEqual(self.sign_in("wrong"), 403)
        self.assertEqual(self.sign_in(), 200)
        self.assertEqual(self.browser.get(EMPLOYEES).status_code, 200)
        (key,) = caches["sessions"].keys("*")  # type: ignore[attr-defined]
        self.assertTrue(key.startswith("django.contrib.sessions.cache"))
        self.assertNotIn(key, cache)

    def test_clearing_the_answers_logs_nobody_out_and_leaves_others_alone(self) -> None:
        self.sign_in()
        self.browser.get(EMPLOYEES)
        self.assertTrue(is_hit(self.browser.get(EMPLOYEES)))
        server = get_redis_connection()
        server.set("another-project:1:key", "theirs")
        cache.clear()
        self.assertEqual(cache.keys("*"), [])  # type: ignore[attr-defined]
        answer = self.browser.get(EMPLOYEES)
        self.assertEqual((answer.status_code, is_hit(answer)), (200, False))
        self.assertEqual(server.get("another-project:1:key"), b"theirs")
        server.delete("another-project:1:key")

    def test_signing_out_ends_it(self) -> None:
        self.sign_in()
        self.browser.get(EMPLOYEES)
        self.browser.post("/api/v1/auth/logout/")
        self.assertEqual(self.browser.get(EMPLOYEES).status_code, 403)


class Planted:
    """Something that runs code when it is read back."""

    def __reduce__(self) -> tuple[Any, ...]:
        return planted, ()


def planted() -> None:
    raise AssertionError("what stood in the cache was run")


class PickleTests(ERPTestCase):
    def test_what_others_write_into_the_cache_is_a_miss_and_runs_nothing(self) -> None:
        self.ani.get("hr/employees/")
        (key,) = cache.keys("employees:*")  # type: ignore[attr-defined]
        server = get_redis_connection()
        for name in (key, "health_check"):
            server.set(cache.make_key(name), pickle.dumps(Planted()), ex=300)
            self.assertIsNone(cache.get(name))
        answer = self.ani.answer("hr/employees/")
        self.assertEqual((is_hit(answer), answer.json()["count"]), (False, 4))
        self.assert_hit(self.ani, "hr/employees/")


class ThrottleTests(ERPTestCase):
    RATES = {"anon": "3/hour", "user": "3/hour", "login": "3/hour"}

    def test_another_x_forwarded_for_is_not_another_client(self) -> None:
        client = Client()
        with patch.object(SimpleRateThrottle, "THROTTLE_RATES", self.RATES):
            answers = [
                client.post(
                    LOGIN,
                    {},
                    content_type="application/json",
                    headers={"X-Forwarded-For": f"203.0.113.{number}"},
                    REMOTE_ADDR="198.51.100.7",
                )
                for number in range(5)
            ]
        self.assertEqual([answer.status_code for answer in answers], [400, 400, 400, 429, 429])

    def test_hits_are_counted_too_and_users_apart(self) -> None:
        with patch.object(SimpleRateThrottle, "THROTTLE_RATES", self.RATES):
            statuses = [self.ani.client.get(EMPLOYEES).status_code for _ in range(4)]
            self.assertEqual(statuses, [200, 200, 200, 429])
            self.assertEqual(self.bela.client.get(EMPLOYEES).status_code, 200)


class HealthTests(ERPTestCase):
    def test_the_page_has_the_form_of_the_original(self) -> None:
        answer = Client().get("/health/")
        shown = answer.json()
        self.assertEqual(sorted(shown), ["responseTimes", "services", "status", "timestamp"])
        self.assertEqual((answer.status_code, shown["status"]), (200, "ok"))
        for name in ("redis", "database"):
            service = shown["services"][name]
            self.assertEqual((service["status"], service["state"]), ("ok", "connected"))
            self.assertEqual(service["responseTime"], shown["responseTimes"][name])
        self.assertGreaterEqual(shown["responseTimes"]["total"], 0)

    def test_without_its_cache_server_the_erp_is_degraded_and_works(self) -> None:
        with override_settings(CACHES=at("redis://127.0.0.1:1")), self.assertLogs("hitrate"):
            answer = Client().get("/health/")
            self.assertEqual((answer.status_code, answer.json()["status"]), (200, "degraded"))
            self.assertEqual(answer.json()["services"]["redis"]["status"], "error")
            self.assertEqual(answer.json()["services"]["database"]["status"], "ok")
            self.assertEqual(self.ani.get("hr/employees/")["count"], 4)


class DoorTests(ERPTestCase):
    PATH = "/api/v1/tenant/"

    def test_everyone_may_read_the_name_and_gets_the_right_one(self) -> None:
        client = Client()
        for _ in range(3):
            for tenant in (self.north, self.south):
                by_header = client.get(self.PATH, headers={"X-Tenant-ID": str(tenant.pk)})
                by_host = client.get(self.PATH, headers={"host": f"{tenant.subdomain}.localhost"})
                self.assertEqual([answer.json()["name"] for answer in (by_header, by_host)], [tenant.name] * 2)
        self.assertTrue(is_hit(by_header))
        self.assertTrue(is_hit(by_host))
        self.assertEqual(client.get(self.PATH).status_code, 404)

    def test_another_name_shows_at_once(self) -> None:
        client = Client(headers={"X-Tenant-ID": str(self.north.pk)})
        for _ in range(3):
            client.get(self.PATH)
        self.north.name = "Far North"
        self.north.save()
        self.assertEqual(client.get(self.PATH).json()["name"], "Far North")
