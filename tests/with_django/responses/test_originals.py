"""Answers with ``values="original"``: old workers and ours on one server, and what must not come of it."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.utils import translation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from hitrate.django import cache_api_response as generic
from hitrate.django import invalidate_cache, invalidate_keys
from hitrate.exceptions import ConfigError
from hitrate.layouts import django_ecommerce, nalar
from hitrate.lease import OriginalPlace
from hitrate.testing import Endpoint
from tests.with_django.conftest import PATIENT
from tests.with_django.responses import old_workers
from tests.with_django.responses.conftest import MIDDLEWARE
from tests.with_django.responses.old_workers import SOURCE, Awaited, Employees, Products, old_invalidation

pytestmark = pytest.mark.usefixtures("_tables")

OLD = {"django-redis": "django_redis.cache.RedisCache", "Django": "django.core.cache.backends.redis.RedisCache"}
LIST = "employees:list::"
BOTH = [("/old/employees/", "/new/employees/"), ("/new/employees/", "/old/employees/")]


@dataclass
class Site:
    """A site on which old workers and ours serve."""

    server: Endpoint
    prefix: str

    def stored(self, key: str = LIST) -> Any:
        """What stands under an original's key, as the server has it."""
        return self.server.execute("GET", f"{self.prefix}:1:{key}")

    def old_code_forgets(self, pattern: str = "employees:*") -> int:
        return old_invalidation(self.server, self.prefix, pattern)

    def standing(self) -> list[str]:
        begins = len(f"{self.prefix}:1:")
        return sorted(key.decode()[begins:] for key in self.server.execute("KEYS", f"{self.prefix}:*"))


@pytest.fixture(params=OLD)
def site(request: pytest.FixtureRequest, server: Endpoint, prefix: str) -> Iterator[Site]:
    """The old workers on one backend, ours on hitrate."""
    common = {"LOCATION": server.url, "KEY_PREFIX": prefix}
    ours = {"BACKEND": "hitrate.django.RedisCache", "OPTIONS": PATIENT, **common}
    with override_settings(
        CACHES={"default": ours, "old": {"BACKEND": OLD[request.param], **common}},
        ROOT_URLCONF="tests.with_django.responses.old_workers",
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "rest_framework"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    ):
        SOURCE.reset()
        for view in (Employees.list, Employees.retrieve, Products.list, Products.retrieve):
            forget_what_was_learned(view)
        yield Site(server, prefix)
    translation.deactivate()


def forget_what_was_learned(view: Any) -> None:
    """Let a view be as in a process that has just begun."""
    view.hitrate_cached._begin.__self__.has_given_up = False


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_each_serves_what_the_other_computed(site: Site, client: Client, first: str, second: str) -> None:
    SOURCE.rows = [{"id": 1, "salary": Decimal("9.50"), "name": "Åse"}, {"id": 2, "salary": None, "name": ""}]
    answers = [client.get(url) for url in (first, second, first, second)]
    assert SOURCE.runs == 1
    assert {answer.content for answer in answers} == {answers[0].content}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/json"}
    assert site.standing() == [LIST]
    assert pickle.loads(site.stored()) == SOURCE.rows


@pytest.mark.parametrize(
    ("first", "second"), [("/old/products/5/", "/new/products/5/"), ("/new/products/5/", "/old/products/5/")]
)
def test_the_shops_json_is_read_and_written_both_ways(site: Site, client: Client, first: str, second: str) -> None:
    SOURCE.rows = {"id": 5, "name": "Årø", "tags": ["a"]}
    answers = [client.get(url) for url in (first, second, first, second)]
    assert SOURCE.runs == 1
    assert {answer.content for answer in answers} == {answers[0].content}
    assert pickle.loads(site.stored("product:5")) == '{"id": 5, "name": "\\u00c5r\\u00f8", "tags": ["a"]}'


def test_the_shop_stores_the_decimals_that_its_original_could_not(site: Site, client: Client) -> None:
    SOURCE.rows = {"price": Decimal("19.90")}
    answers = [client.get(f"/{worker}/products/5/") for worker in ("old", "new", "old")]
    assert (SOURCE.runs, {answer.content for answer in answers}) == (2, {b'{"price":19.9}'})


def test_views_that_are_functions_share_too(site: Site, client: Client) -> None:
    assert client.get("/function").json() == client.get("/function").json() == [{"id": 1}]
    assert (SOURCE.runs, site.standing()) == (1, ["function:function::"])


async def test_coroutines_share_too(site: Site) -> None:
    # REST framework itself awaits nothing; packages for it do.
    async def ask() -> Any:
        view, request = Awaited(), Request(RequestFactory().get("/"))
        view.args, view.kwargs, view.request = (), {}, request
        request.parser_context = {"view": view, "kwargs": {}}
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
        return await view.list(request)

    assert [(await ask()).content for _ in range(2)] == [b'[{"id":1}]'] * 2
    assert (SOURCE.runs, site.standing()) == (1, ["awaited:list::"])
    await sync_to_async(site.old_code_forgets)("awaited:*")
    SOURCE.during = lambda: site.old_code_forgets("awaited:*")
    assert "stored" not in (await ask()).headers["Cache-Status"]
    SOURCE.during = lambda: None
    found = await asyncio.gather(*(ask() for _ in range(8)))
    assert {one.content for one in found} == {b'[{"id":1}]'}
    assert SOURCE.runs == 3


def test_a_key_of_the_shop_may_hold_a_parameter(site: Site, client: Client) -> None:
    for worker in ("new", "old", "new"):
        assert client.get(f"/{worker}/products/", {"product_id": "5"}).json() == [{"id": 1}]
    assert (SOURCE.runs, site.standing()) == (1, ["product:5:variants:list"])


@pytest.mark.parametrize("pk", ["5:variants", "*", "a b", "5%3Avariants"])
def test_an_argument_that_could_spell_another_key_is_not_put_into_one(site: Site, client: Client, pk: str) -> None:
    client.get(f"/new/products/{pk}/")
    assert [key for key in site.standing() if not key.endswith(":h1")] == []


@pytest.mark.parametrize("forgets", ["old pattern", "old delete", "pattern", "key"])
@pytest.mark.parametrize("worker", ["old", "new"])
def test_either_forgets_what_either_stored(site: Site, client: Client, worker: str, forgets: str) -> None:
    forget: dict[str, Callable[[], Any]] = {
        "old pattern": site.old_code_forgets,
        "old delete": lambda: caches["old"].delete(LIST),
        "pattern": lambda: nalar.invalidate_cache("employees:*"),
        "key": lambda: invalidate_keys(LIST),
    }
    client.get(f"/{worker}/employees/")
    SOURCE.rows = ["changed"]
    forget[forgets]()
    assert [client.get(f"/{name}/employees/").json() for name in ("new", "old")] == [["changed"]] * 2


@pytest.mark.parametrize("forgets", ["old pattern", "old delete", "pattern", "key", "flush", "expiry", "old set"])
def test_what_was_forgotten_meanwhile_is_not_stored(site: Site, client: Client, forgets: str) -> None:
    full = f"{site.prefix}:1:{LIST}"
    meanwhile: dict[str, Callable[[], Any]] = {
        "old pattern": site.old_code_forgets,
        "old delete": lambda: caches["old"].delete(LIST),
        "pattern": lambda: invalidate_cache("employees:*"),
        "key": lambda: invalidate_keys(LIST),
        "flush": lambda: site.server.execute("DEL", full),
        "expiry": lambda: site.server.execute("PEXPIRE", full, 0),
        "old set": lambda: caches["old"].set(LIST, ["changed"], 60),
    }
    SOURCE.during = meanwhile[forgets]
    SOURCE.rows = ["outdated"]
    assert client.get("/new/employees/").json() == ["outdated"]
    SOURCE.during, SOURCE.rows = lambda: None, ["changed"]
    assert client.get("/new/employees/").json() == client.get("/old/employees/").json() == ["changed"]


def test_old_workers_compute_while_one_of_ours_does(site: Site, client: Client) -> None:
    def ask() -> None:
        SOURCE.during = lambda: None
        SOURCE.rows = ["theirs"]
        # The lease stands under the key: a miss for every reader, and no error.
        assert client.get("/old/employees/").json() == ["theirs"]

    SOURCE.rows, SOURCE.during = ["ours"], ask
    assert Client().get("/new/employees/").json() == ["ours"]
    # What the old worker stored voided the lease.
    assert client.get("/new/employees/").json() == client.get("/old/employees/").json() == ["theirs"]
    assert SOURCE.runs == 2


def test_the_lease_is_none_to_every_reader(site: Site, client: Client) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.extend(
            [caches["old"].get(LIST, "absent"), caches["default"].get(LIST, "absent"), pickle.loads(site.stored())]
        )

    SOURCE.during = look
    client.get("/new/employees/")
    assert seen == [None, None, None]


@pytest.mark.parametrize("is_guarded", [True, False])
def test_no_answer_is_older_than_what_old_code_has_forgotten(
    site: Site, is_guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_guarded:  # then this test finds what it looks for
        monkeypatch.setattr(OriginalPlace, "keep_response", lambda self, _, *kept: self.client.set(self.key, *kept))
    seed = random.randrange(1 << 32)
    forgotten, ends = 0, threading.Event()
    pauses = threading.local()

    def pause() -> None:
        if not hasattr(pauses, "random"):
            pauses.random = random.Random(f"{seed} {threading.get_ident()}")
        time.sleep(pauses.random.choice([0, 0, 0.001, 0.003]))

    def write() -> None:
        nonlocal forgotten
        forgets = [lambda: caches["old"].delete(LIST), site.old_code_forgets]
        for version in range(1, 201):
            SOURCE.rows = [version]
            pause()
            forgets[version % 2]()
            forgotten = version
            pause()
        ends.set()

    def read() -> list[tuple[int, int]]:
        browser, stale = Client(), []
        while not ends.is_set():
            before = forgotten
            (found,) = browser.get("/new/employees/").json()
            if found < before:
                stale.append((found, before))
        return stale

    SOURCE.rows, SOURCE.during = [0], pause
    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        pool.submit(write).result()
        stale = [one for reader in readers for one in reader.result()]
    assert bool(stale) is not is_guarded, f"seed {seed}: {stale[:5]}"
    assert SOURCE.runs > 50


def test_many_requests_for_one_cold_key_run_the_view_once(site: Site) -> None:
    barrier = threading.Barrier(16)

    def ask() -> Any:
        barrier.wait()
        return Client().get("/new/employees/")

    with ThreadPoolExecutor(16) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(16)]]
    assert ({answer.content for answer in answers}, SOURCE.runs) == ({b'[{"id":1}]'}, 1)


def test_a_view_that_raises_frees_the_lease(site: Site) -> None:
    def fail() -> None:
        raise OSError("no database")

    SOURCE.during = fail
    assert Client(raise_request_exception=False).get("/new/employees/").status_code == 500
    assert site.standing() == []


@pytest.mark.parametrize("stored", [b"\x80\x04damaged", pickle.dumps(None), b"\x80\x04}\x94."])
def test_what_nobody_can_be_served_is_written_over(site: Site, client: Client, stored: bytes) -> None:
    # The last one is good, but would never end.
    site.server.execute("SET", f"{site.prefix}:1:{LIST}", stored)
    assert client.get("/new/employees/").json() == [{"id": 1}]
    assert pickle.loads(site.stored()) == [{"id": 1}]


@pytest.mark.parametrize("excuse", [{"detail": "not yours"}, {"error": "no such thing"}])
def test_a_refusal_that_old_code_kept_is_not_served_as_an_answer(site: Site, client: Client, excuse: Any) -> None:
    SOURCE.answer = lambda request, rows: Response(excuse, status=400)
    assert client.get("/old/employees/").status_code == 400
    SOURCE.answer = lambda request, rows: Response(rows)
    assert client.get("/new/employees/").json() == [{"id": 1}]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request, rows: Response(rows, status=404),
        lambda request, rows: Response(rows, headers={"X-Total": "1"}),
        lambda request, rows: Response(rows, headers={"Cache-Control": "private"}),
        lambda request, rows: HttpResponse("no data"),
        lambda request, rows: Response(None),
        lambda request, rows: Response([{"site": "https://elsewhere.example/"}]),
        lambda request, rows: Response({"detail": "all is well"}),
        lambda request, rows: Response(map(str, rows)),
    ],
)
def test_what_the_form_cannot_hold_never_stands_under_the_originals_key(
    site: Site, client: Client, answer: Callable[[Request, Any], Any]
) -> None:
    SOURCE.answer = answer
    assert len({(found.status_code, found.content) for found in (client.get("/new/employees/") for _ in range(3))}) == 1
    assert LIST not in site.standing()


def test_a_cookie_keeps_an_answer_from_being_stored_in_either_form(site: Site, client: Client) -> None:
    def answer(request: Request, rows: Any) -> Response:
        response = Response(rows)
        response.set_cookie("me", "1")
        return response

    SOURCE.answer = answer
    for _ in range(2):
        client.get("/new/employees/")
    assert (SOURCE.runs, site.standing()) == (2, [])


def test_an_answer_that_the_form_cannot_hold_is_kept_in_our_own(site: Site, client: Client) -> None:
    SOURCE.answer = lambda request, rows: Response(rows, headers={"X-Total": "1"})
    answers = [client.get("/new/employees/") for _ in range(3)]
    assert (SOURCE.runs, {answer.headers["X-Total"] for answer in answers}) == (2, {"1"})
    assert "hitrate; hit" in answers[2].headers["Cache-Status"]
    assert [key.startswith("employees:list:") and key.endswith(":h1") for key in site.standing()] == [True]
    assert site.old_code_forgets() == 1


@override_settings(ALLOWED_HOSTS=["*"])
@pytest.mark.parametrize("worker", ["old", "new"])
def test_links_to_the_host_of_one_caller_reach_no_other(site: Site, worker: str) -> None:
    SOURCE.answer = lambda request, rows: Response({"next": request.build_absolute_uri("?page=2"), "results": rows})
    first = Client().get(f"/{worker}/employees/", headers={"host": "evil.example"}).json()
    assert first["next"].startswith("http://evil.example/")
    for host in ("shop.example", "www.shop.example", "shop.example"):
        assert Client().get("/new/employees/", headers={"host": host}).json()["next"].startswith(f"http://{host}/")


@pytest.mark.parametrize("header", ["accept-language", "accept"])
def test_other_languages_and_forms_have_entries_of_our_own(site: Site, header: str) -> None:
    value = {"accept-language": "de", "accept": "text/html"}[header]
    SOURCE.answer = lambda request, rows: Response([translation.get_language()])
    middleware = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    with override_settings(MIDDLEWARE=middleware, USE_I18N=True):
        assert Client().get("/new/employees/").json() == ["en"]
        if header == "accept":
            assert (
                Client().get("/new/employees/", headers={header: value}).headers["Content-Type"] != "application/json"
            )
        else:
            assert [Client().get("/new/employees/", headers={header: value}).json() for _ in range(2)] == [["de"]] * 2
        assert Client().get("/new/employees/").json() == ["en"]
    assert SOURCE.runs == 2


def test_arguments_that_the_originals_key_leaves_out_are_told_apart(site: Site, client: Client) -> None:
    SOURCE.answer = lambda request, rows: Response([request.parser_context["kwargs"]])
    assert client.get("/new/advances/A1/").json() == [{"number": "A1"}]
    assert client.get("/new/advances/A2/").json() == [{"number": "A2"}]
    assert all(key.endswith(":h1") for key in site.standing())


def test_an_inherited_view_does_not_take_the_originals_key(site: Site, client: Client) -> None:
    client.get("/new/inherited/")
    assert all(key.endswith(":h1") for key in site.standing())


def test_a_query_is_spelled_as_of_old(site: Site, client: Client) -> None:
    query = "search=caf%C3%A9&page=2&search=b+c&empty"
    assert client.get(f"/old/employees/?{query}").json() == client.get(f"/new/employees/?{query}").json()
    assert SOURCE.runs == 1
    client.get("/new/employees/?" + "a" * 300)
    assert not any(len(key) > 250 and not key.endswith(":h1") for key in site.standing())


def test_hits_have_the_headers_of_our_own_entries(site: Site, client: Client) -> None:
    client.get("/old/employees/")
    found = client.get("/new/employees/")
    assert found.headers["Cache-Status"].startswith("hitrate; hit; ttl=")
    assert 0 <= int(found.headers["Age"]) < 60
    assert found.headers["Cache-Control"] == "no-cache"
    spared = client.get("/new/employees/", headers={"if-none-match": found.headers["ETag"]})
    assert (spared.status_code, spared.content) == (304, b"")
    head = client.head("/new/employees/")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", found.headers["ETag"])
    assert SOURCE.runs == 1


def test_a_fleet_goes_over_and_back_without_a_flush_or_a_wrong_answer(site: Site, client: Client) -> None:
    steps = [
        ["old"],
        ["old", "new"],
        ["new"],
        ["new", "native"],
        ["native"],
        ["native", "new"],
        ["new", "old"],
        ["old"],
    ]
    for number, workers in enumerate(steps):
        SOURCE.rows = [number]
        if "old" in workers:
            site.old_code_forgets()
        else:
            nalar.invalidate_cache("employees:*")
        for worker in workers * 3:
            assert client.get(f"/{worker}/employees/").json() == [number], (number, worker)
    # Each form was computed once in each step in which it was served; where both were ("original" reads either), one.
    assert SOURCE.runs <= len(steps) + 2


def test_what_was_kept_in_our_own_form_is_served_when_the_fleet_goes_back(site: Site, client: Client) -> None:
    # As a process does that has been told of no old workers yet.
    Employees.list.hitrate_cached._begin.__self__.has_given_up = True
    client.get("/new/employees/")
    assert [key.endswith(":h1") for key in site.standing()] == [True]
    forget_what_was_learned(Employees.list)
    assert client.get("/new/employees/").headers["Cache-Status"].startswith("hitrate; hit")
    assert SOURCE.runs == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "neither user nor tenant"),
        ({"shared": True, "vary_on": "tenant"}, "neither user nor tenant"),
        ({"shared": True, "tags": ["things"]}, "whatever became of its tags"),
        ({"shared": True, "stale": 60}, "takes what is stale for fresh"),
        ({"shared": True, "stale_on_error": 60}, "takes what is stale for fresh"),
        ({"shared": True, "statuses": [200, 404]}, "answers 200"),
    ],
)
@pytest.mark.parametrize("layout", [nalar, django_ecommerce])
def test_options_that_old_code_would_not_heed_are_refused(layout: Any, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        layout.cache_api_response(60, "refused", values="original", **options)


def test_values_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs a layout"):
        generic(60, "refused", shared=True, values="original")
    with pytest.raises(ConfigError, match="'native' or 'original'"):
        generic(60, "refused", shared=True, values="pickle")  # type: ignore[arg-type]


def test_two_views_cannot_have_one_key() -> None:
    keep = nalar.cache_api_response(60, "two_views", shared=True, values="original")

    class First:
        @keep
        def list(self, request: Request) -> Response: ...

    with pytest.raises(ConfigError, match="both keep their answers under 'two_views:list:'"):

        class Second:
            @nalar.cache_api_response(60, "two_views", shared=True, values="original")
            def list(self, request: Request) -> Response: ...

    django_ecommerce.cache_api_response(60, "thing:{pk}", shared=True, values="original")(old_workers.old_nalar)
    with pytest.raises(ConfigError, match="different prefixes"):
        django_ecommerce.cache_api_response(60, "thing:{id}", shared=True, values="original")(old_workers.old_shop)


@pytest.mark.parametrize(
    "options",
    [
        {"SERIALIZER": "django_redis.serializers.msgpack.MSGPackSerializer"},
        {"SIGNING_KEYS": ["0123456789abcdef0123456789abcdef"]},
    ],
)
def test_a_cache_whose_none_old_code_cannot_read_is_refused(
    site: Site, client: Client, server: Endpoint, prefix: str, options: dict[str, Any]
) -> None:
    ours = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix}
    with (
        override_settings(CACHES={"default": {**ours, "OPTIONS": {**PATIENT, **options}}}),
        pytest.raises(ConfigError, match="writes pickles or JSON"),
    ):
        client.get("/new/employees/")
