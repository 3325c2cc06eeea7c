"""crm_organizations, crm_contacts and crm_positions: a hit shows nobody what the database would not."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from crm.models import AccessLevel, Contact, JobPosition, Organization

from tests.erp import Caller, ERPTestCase

ORGANIZATIONS = "admin-ops/crm/organizations/"
CONTACTS = "admin-ops/crm/contacts/"
POSITIONS = "admin-ops/crm/positions/"


class CRMTestCase(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.contacts = {level: self.make_contact(level) for level in AccessLevel.values}
        self.contacts["own"] = self.make_contact(AccessLevel.VVIP, assigned_to=self.employee("ani"))
        self.organization = self.make(Organization, name="Universitas Melati", organization_type="university")
        self.position = self.make(
            JobPosition, contact=self.contacts["vip"], organization=self.organization, title="Rector"
        )

    def make_contact(self, level: str, **fields: object) -> Contact:
        last_name = "own" if "assigned_to" in fields else level
        contact: Contact = self.make(Contact, first_name="C", last_name=last_name, access_level=level, **fields)
        return contact

    def path(self, level: str) -> str:
        return f"{CONTACTS}{self.contacts[level].pk}/"

    def seen(self, caller: Caller, path: str = CONTACTS) -> set[str]:
        return {name.split()[-1] for name in self.names(caller.get(path))}


class AccessTests(CRMTestCase):
    WANTED = {
        "dino": {"public", "internal", "restricted", "vip", "vvip", "own"},
        "sri": {"public", "internal", "restricted", "vip"},
        "ani": {"public", "internal", "own"},
        "bela": {"public", "internal"},
    }

    def test_everybody_sees_the_contacts_of_their_level_whoever_asked_before(self) -> None:
        for names in (list(self.WANTED), list(reversed(self.WANTED))):
            for name in names:
                self.assertEqual(self.seen(self.caller(name)), self.WANTED[name], name)

    def test_a_hit_of_a_detail_skips_no_check(self) -> None:
        for name in ("dino", *self.WANTED):
            for level, contact in self.contacts.items():
                status = 200 if level in self.WANTED[name] else 404
                for _ in range(2):
                    self.caller(name).get(f"{CONTACTS}{contact.pk}/", status=status)

    def test_what_was_not_found_for_one_is_found_for_another(self) -> None:
        self.bela.get(self.path("vip"), status=404)
        self.assertEqual(self.sri.get(self.path("vip"))["last_name"], "vip")
        self.bela.get(self.path("vip"), status=404)

    def test_whoever_loses_a_contact_loses_its_answer(self) -> None:
        self.ani.get(self.path("own"))
        self.assertEqual(self.seen(self.ani, f"{CONTACTS}my_contacts/"), {"own"})
        self.dino.patch(self.path("own"), {"assigned_to": self.employee("bela").pk})
        self.ani.get(self.path("own"), status=404)
        self.assertEqual(self.seen(self.ani, f"{CONTACTS}my_contacts/"), set())
        self.assertEqual(self.seen(self.bela, f"{CONTACTS}my_contacts/"), {"own"})

    def test_other_lists_are_everyones_own_too(self) -> None:
        for _ in range(2):
            self.assertEqual(self.seen(self.dino, f"{CONTACTS}vip_contacts/"), {"vip", "vvip", "own"})
            self.assertEqual(self.seen(self.sri, f"{CONTACTS}vip_contacts/"), {"vip"})
            self.ani.get(f"{CONTACTS}vip_contacts/", status=403)
            levels = self.names(self.bela.get(f"{CONTACTS}by_access_level/"), "access_level")
            self.assertEqual(sorted(levels), ["internal", "public"])
            self.assertEqual(len(self.dino.get(f"{CONTACTS}by_access_level/")), 5)

    def test_positions_show_neither_hidden_contacts_nor_hidden_organizations(self) -> None:
        secret = self.make(Organization, name="Secret", organization_type="media", access_level=AccessLevel.VIP)
        self.make(JobPosition, contact=self.contacts["public"], organization=secret, title="Editor")
        for _ in range(2):
            self.assertEqual(set(self.names(self.sri.get(POSITIONS), "title")), {"Rector", "Editor"})
            self.assertEqual(self.names(self.bela.get(POSITIONS), "title"), [])
            self.assertEqual(len(self.sri.get(self.path("public"))["positions"]), 1)
            self.assertEqual(self.bela.get(self.path("public"))["positions"], [])

    def test_organizations_are_shared_within_a_role(self) -> None:
        self.make(Organization, name="Secret", organization_type="media", access_level=AccessLevel.RESTRICTED)
        for _ in range(2):
            self.assertEqual(self.names(self.sri.get(ORGANIZATIONS)), ["Secret", "Universitas Melati"])
            self.assertEqual(self.names(self.ani.get(ORGANIZATIONS)), ["Universitas Melati"])
            self.assertEqual(len(self.sri.get(f"{ORGANIZATIONS}by_type/")), 2)
            self.assertEqual(len(self.ani.get(f"{ORGANIZATIONS}by_type/")), 1)
        self.assert_hit(self.bela, ORGANIZATIONS)
        self.assert_miss(self.dino, ORGANIZATIONS)

    def test_contacts_of_one_user_are_no_answer_for_another(self) -> None:
        self.bela.get(CONTACTS)
        self.assert_hit(self.bela, CONTACTS)
        self.assert_miss(self.ani, CONTACTS)

    def test_another_tenant_has_other_contacts(self) -> None:
        self.make(Contact, self.south, first_name="S", last_name="south")
        for _ in range(2):
            self.assertEqual(self.seen(self.sri_south), {"south"})
            self.assertEqual(self.seen(self.sri), self.WANTED["sri"])


class EventTests(CRMTestCase):
    def test_organizations(self) -> None:
        new = {"name": "PT Baru", "organization_type": "company"}
        with self.forgotten(self.ani, ORGANIZATIONS):
            path = f"{ORGANIZATIONS}{self.sri.post(ORGANIZATIONS, new, status=201)['id']}/"
        with self.forgotten(self.ani, ORGANIZATIONS, path):
            self.sri.patch(path, {"city": "Medan"})
        with self.forgotten(self.ani, ORGANIZATIONS):
            self.sri.delete(path)
        self.ani.get(path, status=404)

    def test_contacts(self) -> None:
        new = {"first_name": "New", "last_name": "One"}
        with self.forgotten(self.ani, CONTACTS):
            path = f"{CONTACTS}{self.sri.post(CONTACTS, new, status=201)['id']}/"
        with self.forgotten(self.ani, CONTACTS, path):
            self.sri.patch(path, {"city": "Medan"})
        with self.forgotten(self.ani, CONTACTS, path):
            self.bela.post(f"{path}update_last_contacted/")
        self.assertIsNotNone(self.ani.get(path)["last_contacted_at"])
        with self.forgotten(self.ani, CONTACTS):
            self.sri.delete(path)
        self.ani.get(path, status=404)

    def test_positions_forget_contacts_as_well(self) -> None:
        contact = self.path("public")
        new = {"contact": self.contacts["public"].pk, "organization": self.organization.pk, "title": "Adviser"}
        with self.forgotten(self.ani, POSITIONS, CONTACTS, contact):
            path = f"{POSITIONS}{self.sri.post(POSITIONS, new, status=201)['id']}/"
        self.assertEqual(self.names(self.ani.get(contact)["positions"], "title"), ["Adviser"])
        with self.forgotten(self.ani, POSITIONS, CONTACTS, contact):
            self.sri.patch(path, {"title": "Speaker"})
        with self.forgotten(self.ani, POSITIONS, CONTACTS, contact):
            self.sri.delete(path)
        self.assertEqual(self.ani.get(contact)["positions"], [])

    def test_another_name_of_an_organization_shows_where_contacts_work(self) -> None:
        with self.forgotten(self.sri, POSITIONS, CONTACTS, self.path("vip")):
            self.sri.patch(f"{ORGANIZATIONS}{self.organization.pk}/", {"name": "Institut Melati"})
        self.assertEqual(self.sri.get(self.path("vip"))["positions"][0]["organization_name"], "Institut Melati")
