"""employees, employee_detail, departments and the profile: who sees what, and what forgets it."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from hr.models import Department

from tests.erp import ERPTestCase

EMPLOYEES = "hr/employees/"
DEPARTMENTS = "organization/departments/"
PROFILE = "auth/me/"


class EmployeeTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.detail = f"{EMPLOYEES}{self.employee('ani').pk}/"

    def test_every_event_of_the_table_forgets_both(self) -> None:
        new = {"employee_number": "E-new", "first_name": "New", "last_name": "One", "joined_on": "2026-01-05"}
        with self.forgotten(self.ani, EMPLOYEES):
            made = self.sri.post(EMPLOYEES, new, status=201)
        path = f"{EMPLOYEES}{made['id']}/"
        with self.forgotten(self.ani, EMPLOYEES, path):
            self.sri.patch(path, {"position": "Analyst"})
        with self.forgotten(self.ani, EMPLOYEES, path):
            self.sri.post(f"{path}register-face/", {"encoding": "0.1 0.2"})
        self.assertTrue(self.ani.get(path)["face_registered"])
        with self.forgotten(self.ani, EMPLOYEES, path):
            self.sri.delete(f"{path}remove-face/", status=200)
        self.assertFalse(self.ani.get(path)["face_registered"])
        with self.forgotten(self.ani, EMPLOYEES):
            self.sri.delete(path)
        self.ani.get(path, status=404)

    def test_another_name_of_a_department_or_a_supervisor_shows_at_once(self) -> None:
        self.assertIsNone(self.ani.get(self.detail)["supervisor_name"])
        boss = self.employee("dino")
        self.sri.patch(self.detail, {"supervisor": boss.pk})
        with self.forgotten(self.ani, EMPLOYEES, self.detail):
            self.sri.patch(f"{EMPLOYEES}{boss.pk}/", {"first_name": "Dina"})
        self.assertEqual(self.ani.get(self.detail)["supervisor_name"], "Dina North")
        department = self.ani.get(self.detail)["department"]
        with self.forgotten(self.ani, EMPLOYEES, self.detail, DEPARTMENTS):
            self.sri.patch(f"{DEPARTMENTS}{department}/", {"name": "Main office"})
        self.assertEqual(self.ani.get(self.detail)["department_name"], "Main office")

    def test_a_salary_is_for_staff(self) -> None:
        for _ in range(2):
            self.assertEqual(self.sri.get(self.detail)["salary"], "7500000.00")
            self.assertNotIn("salary", self.ani.get(self.detail))
            self.assertNotIn("salary", self.bela.get(self.detail))
        path = f"{EMPLOYEES}{self.employee('sri', 'south').pk}/"
        self.tono.get(path)
        self.assertNotIn("salary", self.sri_south.get(path))

    def test_whoever_is_promoted_sees_more_at_once(self) -> None:
        self.ani.get(self.detail)
        self.users["ani"].memberships.update(role="staff")
        self.assertIn("salary", self.ani.get(self.detail))
        self.users["ani"].memberships.update(role="member")
        self.assertNotIn("salary", self.ani.get(self.detail))

    def test_members_of_one_role_share_an_answer(self) -> None:
        self.ani.get(EMPLOYEES)
        self.assert_hit(self.bela, EMPLOYEES)
        self.ani.get(self.detail)
        self.assert_hit(self.bela, self.detail)

    def test_me_is_everyones_own(self) -> None:
        for _ in range(2):
            for name in ("ani", "bela", "sri"):
                self.assertEqual(self.caller(name).get(f"{EMPLOYEES}me/")["id"], self.employee(name).pk)
            self.assertEqual(self.sri_south.get(f"{EMPLOYEES}me/")["id"], self.employee("sri", "south").pk)

    def test_members_change_nothing(self) -> None:
        self.ani.patch(self.detail, {"position": "Boss"}, status=403)
        self.ani.post(f"{self.detail}register-face/", {"encoding": "x"}, status=403)

    def test_a_number_is_used_once_per_tenant(self) -> None:
        new = {"employee_number": "E-tono", "first_name": "New", "last_name": "One", "joined_on": "2026-01-05"}
        self.sri.post(EMPLOYEES, new, status=201)
        self.tono.post(EMPLOYEES, new, status=400)

    def test_parameters_that_no_listing_knows_make_no_entries(self) -> None:
        first = self.ani.answer(f"{EMPLOYEES}?search=bela&utm_source=a")
        self.assert_hit(self.ani, f"{EMPLOYEES}?_=7&search=bela")
        self.assert_hit(self.ani, f"{EMPLOYEES}?search=bela")
        self.assertNotIn(b"utm_source", first.content)
        self.assertEqual(self.names(first.json(), "name"), ["Bela North"])

    def test_the_order_of_parameters_makes_no_difference(self) -> None:
        self.ani.get(f"{EMPLOYEES}?page_size=2&ordering=last_name")
        self.assert_hit(self.ani, f"{EMPLOYEES}?ordering=last_name&page_size=2")


class DepartmentTests(ERPTestCase):
    def test_departments_are_one_answer_for_the_tenant(self) -> None:
        self.ani.get(DEPARTMENTS)
        for caller in (self.bela, self.sri, self.dino):
            self.assert_hit(caller, DEPARTMENTS)
        self.assertEqual(self.names(self.tono.get(DEPARTMENTS)), ["South office"])

    def test_a_change_in_one_tenant_leaves_the_other_its_answers(self) -> None:
        self.tono.get(DEPARTMENTS)
        with self.forgotten(self.ani, DEPARTMENTS):
            self.make(Department, name="Library", code="LIB")
        self.assert_hit(self.tono, DEPARTMENTS)


class ProfileTests(ERPTestCase):
    def test_a_profile_is_everyones_own_in_each_tenant(self) -> None:
        for _ in range(2):
            self.assertEqual(self.ani.get(PROFILE)["username"], "ani")
            self.assertEqual(self.bela.get(PROFILE)["username"], "bela")
            self.assertEqual(self.sri.get(PROFILE)["role"], "staff")
            self.assertEqual(self.sri_south.get(PROFILE)["role"], "member")

    def test_what_a_profile_shows_forgets_it(self) -> None:
        with self.forgotten(self.ani, PROFILE):
            self.ani.patch(PROFILE, {"email": "ani@north.example"})
        with self.forgotten(self.ani, PROFILE):
            self.sri.patch(f"{EMPLOYEES}{self.employee('ani').pk}/", {"position": "Librarian"})
        with self.forgotten(self.ani, PROFILE):
            membership = self.users["ani"].memberships.get()
            membership.role = "staff"
            membership.save()
        shown = self.ani.get(PROFILE)
        self.assertEqual((shown["email"], shown["employee"]["position"]), ("ani@north.example", "Librarian"))
        self.assertEqual(shown["role"], "staff")

    def test_one_profile_forgets_no_other(self) -> None:
        self.bela.get(PROFILE)
        self.ani.patch(PROFILE, {"email": "ani@north.example"})
        self.assert_hit(self.bela, PROFILE)
