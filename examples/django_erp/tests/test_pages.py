"""Pages, hosts and parameters: what one caller writes into an address reaches nobody else's answer."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from hr.models import Employee

from tests.erp import JOINED, ERPTestCase

EMPLOYEES = "hr/employees/"


class PageTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        for number in range(30):
            self.make(Employee, employee_number=f"P{number:02}", first_name="P", last_name="Q", joined_on=JOINED)

    def test_pages_have_links_and_numbers(self) -> None:
        listed = self.ani.get(f"{EMPLOYEES}?page=2&page_size=10")
        self.assertEqual((listed["count"], listed["pageCount"], len(listed["results"])), (34, 4, 10))
        self.assertEqual(listed["next"], f"http://testserver/api/v1/{EMPLOYEES}?page=3&page_size=10")
        self.assertEqual(listed["previous"], f"http://testserver/api/v1/{EMPLOYEES}?page_size=10")
        self.ani.get(f"{EMPLOYEES}?page=9", status=404)

    def test_links_hold_the_host_of_whoever_asks(self) -> None:
        for _ in range(2):
            for host in ("north.localhost", "north.localhost:8080", "testserver"):
                listed = self.ani.get(EMPLOYEES, headers={"host": host})
                self.assertEqual(listed["next"], f"http://{host}/api/v1/{EMPLOYEES}?page=2")

    def test_a_host_that_is_only_claimed_reaches_no_answer(self) -> None:
        claims = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Host": "evil.example"}
        listed = self.ani.get(EMPLOYEES, headers=claims)
        self.assertEqual(listed["next"], f"http://testserver/api/v1/{EMPLOYEES}?page=2")
        self.assertEqual(self.bela.get(EMPLOYEES), listed)
        self.assertEqual(self.ani.client.get(f"/api/v1/{EMPLOYEES}", headers={"host": "evil.example"}).status_code, 400)

    def test_links_over_https_are_other_answers(self) -> None:
        self.ani.get(EMPLOYEES)
        secure = self.ani.get(EMPLOYEES, secure=True)
        self.assertEqual(secure["next"], f"https://testserver/api/v1/{EMPLOYEES}?page=2")

    def test_unknown_parameters_reach_no_link(self) -> None:
        listed = self.ani.get(f"{EMPLOYEES}?token=secret&page=1")
        self.assertEqual(listed["next"], f"http://testserver/api/v1/{EMPLOYEES}?page=2")
        self.assert_hit(self.bela, f"{EMPLOYEES}?page=1")

    def test_another_page_is_another_answer(self) -> None:
        pages = [self.ani.get(f"{EMPLOYEES}?page={page}&page_size=20") for page in (1, 2, 1, 2)]
        self.assertEqual(pages[0], pages[2])
        self.assertEqual(pages[1], pages[3])
        numbers = self.names(pages[0], "employee_number") + self.names(pages[1], "employee_number")
        self.assertEqual(len(set(numbers)), 34)

    def test_parameters_cannot_be_cloaked(self) -> None:
        plain = self.ani.get(f"{EMPLOYEES}?search=P")
        for query in ("search=P;page=2", "search=P%26page=2", "search=P&amp;page=2"):
            self.ani.get(f"{EMPLOYEES}?{query}")
        self.assertEqual(self.ani.get(f"{EMPLOYEES}?search=P"), plain)

    def test_a_client_that_has_the_answer_is_told_so(self) -> None:
        first = self.ani.answer(EMPLOYEES)
        known = {"If-None-Match": first.headers["ETag"]}
        self.assertEqual(self.ani.answer(EMPLOYEES, status=304, headers=known).content, b"")
        self.assertEqual(self.tono.answer(EMPLOYEES, headers=known).status_code, 200)
        self.assertIn("private", first.headers["Cache-Control"])
