"""What of `hitrate.odoo` needs no Odoo; the rest is tested in a real one, in tests/with_odoo."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrate import Cache, hooks
from hitrate.exceptions import ConfigError, SerializationError
from hitrate.invalidation import Forgetting
from hitrate.odoo import CacheMixin, cached, clients, forgets, on_change_of_state
from hitrate.odoo.commit import tag_of
from hitrate.odoo.entries import _as_kept
from hitrate.odoo.limits import subject
from hitrate.odoo.parts import key_parts
from hitrate.odoo.rules import unknown_fields, watch_of
from hitrate.odoo.settings import Settings, read
from hitrate.odoo.signals import signal_caches
from hitrate.testing import throwaway_server


def settings(parameters: dict[str, str] | None = None, environ: Any = None, section: Any = None) -> Settings:
    return read((parameters or {}).get, environ or {}, section or {})


def test_it_can_be_imported_without_odoo() -> None:
    program = "import sys, hitrate.odoo; assert 'odoo' not in sys.modules and 'gevent' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_a_word_it_is_localhost() -> None:
    assert settings() == Settings(url="redis://localhost:6379/0")


def test_parameters_beat_the_environment_which_beats_the_file() -> None:
    section = {"host": "file", "port": "1", "db": "1"}
    environ = {"REDIS_HOST": "environ", "REDIS_PORT": "2"}
    assert settings({"redis.host": "parameter"}, environ, section).url == "redis://parameter:2/1"
    assert settings({}, environ, section).url == "redis://environ:2/1"
    assert settings({}, {}, section).url == "redis://file:1/1"
    assert settings({}, environ, section).is_configured
    assert settings({"redis.url": "unix:///run/redis.sock"}, environ).url == "unix:///run/redis.sock"


def test_a_password_may_hold_anything_and_is_never_shown() -> None:
    found = settings({"redis.password": "p@ss/word:#?"})
    assert found.url == "redis://:p%40ss%2Fword%3A%23%3F@localhost:6379/0"
    assert "p%40ss" not in repr(found)
    assert settings({"redis.password": ""}).url == "redis://localhost:6379/0"


def test_an_address_of_ipv6_is_put_in_brackets() -> None:
    assert settings({"redis.host": "::1"}).url == "redis://[::1]:6379/0"


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "abc"), ("timeout", "soon"), ("timeout", "-1"), ("timeout", "nan"), ("db", "-1"), ("replica_lag", "?")],
)
def test_what_is_no_number_is_named_and_refused_nowhere(name: str, value: str) -> None:
    parameter, variable = f"redis.{name}", f"REDIS_{name.upper()}"
    assert settings({parameter: value}).problem == f"{parameter} is {value!r}, which is no number"
    assert (
        settings({}, {variable: value, "REDIS_PASSWORD": "secret"}).problem
        == f"{variable} is {value!r}, which is no number"
    )
    assert settings({}, {}, {name: value}).problem == f"[redis] {name} is {value!r}, which is no number"
    # What beats it can be used.
    assert settings({parameter: "1"}, {variable: value}).problem is None


def test_settings_that_cannot_be_used_come_to_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clients, "_clients", {})
    with throwaway_server() as server:
        good = settings({"redis.url": server.url})
        for key, bad in (("a", {"redis.url": "http://:secret@localhost"}), ("b", {"redis.port": "abc"})):
            found = settings(bad)
            monkeypatch.setattr(clients, "settings_of", lambda _, found=found: found)
            away = clients.cache_of(None)
            assert clients.cache_of(None) is away
            server.execute("SET", key, "1")
            assert away.get(key) is None
            clients.owe(away, Forgetting.of(keys=[key]))
        told = [record.getMessage() for record in caplog.records if record.name == clients.__name__]
        assert ["redis.port is 'abc'" in line for line in told] == [False, True]
        assert "secret" not in caplog.text
        monkeypatch.setattr(clients, "settings_of", lambda _: good)
        cache = clients.cache_of(None)
        # What the two before it were to forget.
        assert server.execute("EXISTS", "a", "b") == 0
        clients.owe(cache, Forgetting.of(keys=["c"]))
        server.execute("SET", "c", "1")
        assert clients.cache_of(None) is cache
        assert cache.get("c") == 1
        cache.close()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text("abc") | st.integers() | st.none() | st.booleans(), inner)
    ),
)


@given(JSON)
def test_a_value_that_is_made_is_what_the_cache_gives_back(value: object) -> None:
    cache = Cache("memory://")
    cache.set("a", value)
    assert repr(_as_kept(value)) == repr(cache.get("a"))


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}, b"x", {1, 2}])
def test_a_value_that_cannot_be_kept_is_refused_when_it_is_made(value: object) -> None:
    with pytest.raises(SerializationError, match="cannot be stored as JSON"):
        _as_kept(value)


def test_a_part_that_is_as_long_as_its_caller_likes_is_bounded() -> None:
    found = [key_parts(Environment("shop", "x" * length), ["lang"]) for length in (10_000, 10_001)]
    assert found[0] != found[1]
    assert max(map(len, found)) < 100


class Field:
    """As much of a field as rules look at."""

    compute = related = None


class Model:
    """As much of a model's class as rules look at."""

    _abstract = False
    _fields: ClassVar[dict[str, Field]] = {"name": Field()}
    _cache_rules = (forgets("thing:{id}", when=["nmae"]), forgets("named", when=["name"]))


class Registry(dict[str, Any]):
    """As much of a registry as rules look at."""

    ready = True

    def __init__(self) -> None:
        super().__init__(thing=Model)
        self.field_inverses: dict[Field, tuple[()]] = {Model._fields["name"]: ()}


def test_a_rule_that_names_no_field_forgets_at_every_change() -> None:
    wrong, right = watch_of(Registry()).rules["thing"]
    assert (wrong.when, right.when) == (None, {"name"})
    assert [unknown_fields(Model, rule) for rule in Model._cache_rules] == [["nmae"], []]


class Signals:
    """As much of a registry as signals need: ``signal_changes()`` empties the set, as Odoo's does."""

    ready = True

    def __init__(self, *emptied: str, is_changed: bool = False) -> None:
        self.cache_invalidated, self.registry_invalidated, self.told = set(emptied), is_changed, list[set[str]]()

    def signal_changes(self) -> None:
        self.told.append(set(self.cache_invalidated))
        self.cache_invalidated.clear()


def test_caches_of_the_orm_are_signalled_early_and_once_more_by_odoo() -> None:
    registry = Signals("default", "stable")
    signal_caches(registry)
    assert registry.told == [{"default", "stable"}]
    assert registry.cache_invalidated == {"default", "stable"}
    for other in (Signals(), Signals("default", is_changed=True)):
        signal_caches(other)
        assert other.told == []


@pytest.mark.parametrize("off", ["0", "false", "No", "OFF"])
def test_it_is_switched_off_by_the_environment_or_a_parameter(off: str) -> None:
    assert settings({}, {"HITRATE_ENABLED": off}).is_enabled is False
    assert settings({"redis.enabled": off}).is_enabled is False
    assert settings({"redis.enabled": "1"}).is_enabled is True


def test_the_mixin_has_no_slots_of_its_own() -> None:
    assert CacheMixin.__slots__ == ()


def test_rules_that_cannot_be_meant_are_refused() -> None:
    for make in (forgets, lambda: forgets("product:{id}", when="name")):
        with pytest.raises(ConfigError):
            make()
    with pytest.raises(ConfigError, match="vary is the text 'user'"):
        cached(vary="user")
    with pytest.raises(ConfigError, match="tags is the text 'products'"):
        cached(vary=(), tags="products")


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_a_rule_concerns_the_fields_that_it_names(named: set[str], changed: set[str]) -> None:
    assert forgets("tag", when=named).concerns(changed) is bool(named & changed)
    assert forgets("tag").concerns(changed) is True


class Records:
    """As much of a recordset as tags are made of."""

    def __init__(self, *ids: int, **related: Records) -> None:
        self.ids, self.related = list(ids), related

    def sudo(self) -> Records:
        return self

    def mapped(self, path: str) -> Records:
        return self.related[path]


def test_tags_name_the_records_and_those_that_a_path_leads_to() -> None:
    records = Records(1, 2, product_tmpl_id=Records(7))
    rule = forgets("product:{id}", "products", "of:{product_tmpl_id}", lambda found: [f"n:{len(found.ids)}"])
    assert list(rule.tags_of(records)) == ["product:1", "product:2", "products", "of:7", "n:2"]


@given(st.text(), st.text(), st.text(), st.text())
def test_tags_of_two_databases_differ(first: str, second: str, tag: str, other: str) -> None:
    # Names of databases hold no colon, which Odoo sees to.
    first, second = first.replace(":", ""), second.replace(":", "")
    assert (tag_of(first, tag) == tag_of(second, other)) is ((first, tag) == (second, other))


class Environment:
    """As much of an environment as parts of a key are made of."""

    def __init__(self, dbname: str, lang: str, **context: Any) -> None:
        self.cr, self.lang, self.context, self.uid, self.su = self, lang, context, 7, False
        self.dbname = dbname


@given(st.text(min_size=1), st.text(), st.text(min_size=1), st.text())
def test_no_part_of_a_key_can_forge_another(database: str, lang: str, other_database: str, other_lang: str) -> None:
    vary = ("lang", "user")
    same = (database, lang) == (other_database, other_lang)
    assert (
        key_parts(Environment(database, lang), vary) == key_parts(Environment(other_database, other_lang), vary)
    ) is same


def test_an_unknown_part_is_refused_and_keys_of_the_context_are_not() -> None:
    env = Environment("shop", "fr_FR", tz="Europe/Paris")
    assert key_parts(env, ["context.tz", "lang"]) == "db=shop&context.tz=%27Europe%2FParis%27&lang=fr_FR"
    with pytest.raises(ConfigError, match="unknown part 'company_id'"):
        key_parts(env, ["company_id"])


def test_a_change_of_state_is_told_once() -> None:
    heard: list[tuple[str, ...]] = []
    before = list(logging.getLogger("hitrate").handlers)
    on_change_of_state(lambda *said: heard.append(("away", *said)), lambda address: heard.append(("back", address)))
    try:
        hooks.opened("cache:6379", "refused")
        hooks.refusing("cache:6379", "OOM")
        hooks.recovered("cache:6379", 1.5, 3)
    finally:
        logging.getLogger("hitrate").handlers[:] = before
    assert heard == [("away", "cache:6379", "refused"), ("back", "cache:6379")]


class Request:
    """As much of a request of Odoo as tells who asks."""

    def __init__(self, address: str, uid: int | None = None) -> None:
        self.httprequest = type("httprequest", (), {"remote_addr": address})
        self.session = type("session", (), {"uid": uid})


def test_a_customer_of_ipv6_has_one_budget_and_not_one_for_each_address() -> None:
    assert subject(Request("203.0.113.7")) == "ip:203.0.113.7"
    assert subject(Request("2001:db8::1")) == subject(Request("2001:db8::ffff:1")) == "ip:2001:db8::"
    assert subject(Request("2001:db8:0:1::1")) != subject(Request("2001:db8::1"))
    assert subject(Request("::ffff:203.0.113.7")) == "ip:203.0.113.7"
    assert subject(Request("")) == "ip:None"
    assert subject(Request("2001:db8::1", 5)) == "user:5"
    assert subject(Request("2001:db8::1", 5), "address") == "ip:2001:db8::"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")
def test_an_odoo_that_cannot_be_had_fails_the_run_with_that_sentence(tmp_path: Path) -> None:
    environ = {**os.environ, "HITRATE_ODOO": str(tmp_path), "HITRATE_DEBIAN_MIRROR": "https://127.0.0.1:9/debian"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.with_odoo.prepare"],
        env=environ,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.match(
        r"odoo-19 of Debian sid cannot be had: https://127.0.0.1:9/debian/\S+ gave .*; connect to", done.stderr
    )
