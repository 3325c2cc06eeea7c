"""expense_requests and expense_advances: everyone their own, and every step of the workflow shows at once."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from finance.models import ExpenseAdvance, ExpenseRequest

from tests.erp import ERPTestCase

REQUESTS = "finance/expenses/requests/"
ADVANCES = "finance/expenses/advances/"
NEW = {"title": "Train", "items": [{"category": "travel", "description": "Train", "amount": "150000.00"}]}


class RequestTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.number = self.ani.post(REQUESTS, NEW, status=201)["request_number"]
        self.path = f"{REQUESTS}{ExpenseRequest.everywhere.get().pk}/"

    def titles(self, path: str = REQUESTS) -> dict[str, list[str]]:
        callers = {"ani": self.ani, "bela": self.bela, "sri": self.sri, "south": self.sri_south}
        return {name: self.names(caller.get(path), "request_number") for name, caller in callers.items()}

    def test_members_see_their_own_requests_and_staff_sees_all(self) -> None:
        other = self.bela.post(REQUESTS, NEW, status=201)["request_number"]
        wanted = {"ani": [self.number], "bela": [other], "sri": [other, self.number], "south": []}
        for _ in range(2):
            self.assertEqual(self.titles(), wanted)

    def test_my_requests_are_the_users_own(self) -> None:
        mine = self.sri.post(REQUESTS, NEW, status=201)["request_number"]
        wanted = {"ani": [self.number], "bela": [], "sri": [mine], "south": []}
        for _ in range(2):
            self.assertEqual(self.titles(f"{REQUESTS}?my_requests=true"), wanted)

    def test_a_kept_detail_is_for_nobody_else(self) -> None:
        for _ in range(2):
            self.ani.get(self.path)
            self.sri.get(self.path)
            self.bela.get(self.path, status=404)
            self.sri_south.get(self.path, status=404)
        self.assert_hit(self.ani, self.path)

    def test_whoever_is_staff_no_more_sees_no_more(self) -> None:
        self.assertEqual(self.sri.get(REQUESTS)["count"], 1)
        self.sri.get(self.path)
        self.users["sri"].memberships.filter(tenant=self.north).update(role="member")
        self.assertEqual(self.sri.get(REQUESTS)["count"], 0)
        self.sri.get(self.path, status=404)

    def test_every_step_shows_at_once(self) -> None:
        steps = [
            (self.ani, "submit", None, "submitted"),
            (self.sri, "approve", {"approved_amount": "100000.00"}, "approved"),
            (self.sri, "process_payment", None, "processing"),
            (self.sri, "mark_paid", {"payment_reference": "TRX-1"}, "paid"),
        ]
        for caller, step, data, status in steps:
            with self.forgotten(self.ani, REQUESTS, self.path, f"{REQUESTS}summary/"):
                caller.post(f"{self.path}{step}/", data)
            self.assertEqual(self.ani.get(self.path)["status"], status)
            self.assertEqual(self.names(self.sri.get(REQUESTS), "status"), [status])
        self.assertEqual(self.ani.get(self.path)["approved_amount"], "100000.00")
        summary = self.ani.get(f"{REQUESTS}summary/")
        self.assertEqual((summary["by_status"], summary["total_amount"]), ({"paid": 1}, "150000.00"))

    def test_reject_and_cancel_show_at_once(self) -> None:
        self.ani.post(f"{self.path}submit/")
        with self.forgotten(self.ani, REQUESTS, self.path):
            self.sri.post(f"{self.path}reject/", {"reason": "no receipt"})
        self.assertEqual(self.ani.get(self.path)["rejection_reason"], "no receipt")
        path = f"{REQUESTS}{self.ani.post(REQUESTS, NEW, status=201)['id']}/"
        with self.forgotten(self.ani, REQUESTS, path):
            self.ani.post(f"{path}cancel/")

    def test_the_events_of_the_table(self) -> None:
        with self.forgotten(self.sri, REQUESTS):
            path = f"{REQUESTS}{self.ani.post(REQUESTS, NEW, status=201)['id']}/"
        item = {"category": "meals", "description": "Lunch", "amount": "20000.00"}
        with self.forgotten(self.sri, REQUESTS, path):
            self.ani.patch(path, {"items": [item]})
        self.assertEqual(self.sri.get(path)["total_amount"], "20000.00")
        with self.forgotten(self.sri, REQUESTS):
            self.ani.delete(path)
        self.sri.get(path, status=404)

    def test_a_step_that_is_not_allowed_changes_and_forgets_nothing(self) -> None:
        self.ani.get(self.path)
        refused = self.sri.post(f"{self.path}mark_paid/", status=400)
        self.assertEqual(refused, {"error": f"{self.number} is 'draft', and must be 'processing'"})
        self.assert_hit(self.ani, self.path)
        self.ani.post(f"{self.path}approve/", status=403)

    def test_a_refused_question_is_neither_kept_nor_answered_with_200(self) -> None:
        path = f"{REQUESTS}summary/?start_date=yesterday"
        for _ in range(3):
            self.assertIn("start_date", self.ani.get(path, status=400)["error"])
        self.assertEqual(self.ani.get(f"{REQUESTS}summary/?start_date=2020-01-01")["total_requests"], 1)

    def test_what_waits_for_a_decision_is_never_kept(self) -> None:
        self.ani.post(f"{self.path}submit/")
        for _ in range(2):
            self.assertEqual(len(self.sri.get(f"{REQUESTS}pending_approval/")), 1)
            self.assert_miss(self.sri, f"{REQUESTS}pending_approval/")


class AdvanceTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.numbers = [self.advance(amount) for amount in ("100.00", "200.00")]
        self.paths = [f"{ADVANCES}{number}/" for number in self.numbers]

    def advance(self, amount: str) -> str:
        made = self.ani.post(ADVANCES, {"purpose": "Field work", "amount": amount}, status=201)
        return str(made["advance_number"])

    def test_two_advances_never_share_an_entry(self) -> None:
        for _ in range(2):
            for number, path, amount in zip(self.numbers, self.paths, ("100.00", "200.00"), strict=True):
                shown = self.ani.get(path)
                self.assertEqual((shown["advance_number"], shown["amount"]), (number, amount))
        self.assert_hit(self.ani, self.paths[0])

    def test_one_number_in_two_tenants_is_two_advances(self) -> None:
        there = self.sri_south.post(ADVANCES, {"purpose": "Books", "amount": "5.00"}, status=201)
        self.assertEqual(there["advance_number"], self.numbers[0])
        for _ in range(2):
            self.assertEqual(self.sri_south.get(self.paths[0])["purpose"], "Books")
            self.assertEqual(self.sri.get(self.paths[0])["purpose"], "Field work")

    def test_a_kept_advance_is_for_nobody_else(self) -> None:
        for _ in range(2):
            self.ani.get(self.paths[0])
            self.bela.get(self.paths[0], status=404)
            self.assertEqual(self.bela.get(ADVANCES)["count"], 0)
            self.assertEqual(self.sri.get(ADVANCES)["count"], 2)

    def test_every_step_shows_at_once(self) -> None:
        path = self.paths[0]
        steps = [("approve", None), ("disburse", None), ("settle", {"settled_amount": "80.00"})]
        for step, data in steps:
            with self.forgotten(self.ani, ADVANCES, path):
                self.sri.post(f"{path}{step}/", data)
        self.assertEqual(self.ani.get(path)["balance"], "20.00")
        with self.forgotten(self.ani, ADVANCES, self.paths[1]):
            self.sri.post(f"{self.paths[1]}reject/", {"reason": "too much"})
        self.assertEqual(self.ani.get(self.paths[1])["status"], "rejected")

    def test_the_events_of_the_table(self) -> None:
        with self.forgotten(self.ani, ADVANCES):
            path = f"{ADVANCES}{self.advance('300.00')}/"
        with self.forgotten(self.ani, ADVANCES, path):
            self.ani.patch(path, {"amount": "250.00"})
        with self.forgotten(self.ani, ADVANCES):
            self.ani.delete(path)
        self.ani.get(path, status=404)
        self.assertEqual(ExpenseAdvance.everywhere.count(), 2)
