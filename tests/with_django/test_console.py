"""``manage.py hitrate``: looking into caches, forgetting, filling, and explaining rules."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import CommandError, ManagementUtility, call_command
from django.test import override_settings

from hitrate.cli import exits
from hitrate.django import get_cache_stats, register, tag, unregister, warmer
from hitrate.django import warmers as warmers_module
from hitrate.exceptions import ConfigError
from hitrate.testing import Endpoint, Server
from tests.with_django.shelf.models import Category, Product

BACKEND = "hitrate.django.RedisCache"
UseCaches = Callable[..., None]


def run(*arguments: str, code: int = exits.FINE, **options: Any) -> str:
    """Run a command, and return what it wrote."""
    out = io.StringIO()
    if code == exits.FINE:
        call_command("hitrate", *arguments, stdout=out, **options)
    else:
        with pytest.raises(SystemExit) as ended:
            call_command("hitrate", *arguments, stdout=out, **options)
        assert ended.value.code == code
    return out.getvalue()


def as_json(*arguments: str, code: int = exits.FINE, **options: Any) -> Any:
    return json.loads(run(*arguments, "--json", code=code, **options))


@pytest.fixture
def filled(django_cache: Any) -> Any:
    """A cache with two products in both forms."""
    for key in ("product:9", "product:91"):
        django_cache.set(key, {"name": key})
        django_cache.set(f"{key}:u=1:h1", "ours")
    return django_cache


@pytest.fixture
def no_warmers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmers_module, "_warmers", {})


@pytest.fixture
def lamp(_tables: None) -> Iterator[Product]:
    three = Category.objects.create(name="3")
    yield Product.objects.create(name="Lamp", category=three)
    unregister(Product)
    Category.objects.all().delete()


def test_keys_and_get_and_stats_look_into_the_cache(filled: Any, server: Endpoint) -> None:
    assert sorted(run("keys", "product:9*").split()) == sorted(
        ["product:9", "product:91", "product:9:u=1:h1", "product:91:u=1:h1"]
    )
    assert len(run("keys", "--limit", "1").split()) == 1
    assert "not shown" in run("get", "product:9")
    assert as_json("get", "product:9", "--unpickle")["value"] == {"name": "product:9"}
    assert as_json("stats")["total_keys"] >= 4
    assert as_json("ttl", "product:9")["ttl"] > 100
    assert run("ping").startswith("PONG")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("hitrate", "get", "nothing", stderr=out)
    assert "no key 'nothing'" in out.getvalue()


def test_clear_counts_and_deletes_what_matches(filled: Any) -> None:
    assert as_json("clear", "product:9:*", "--dry-run")["matching"] == 1
    found = as_json("clear", "product:9:*", "--yes")
    assert (found["matching"], found["deleted"]) == (1, 1)
    assert run("clear", "product:*", "--yes").startswith("3 keys deleted")
    assert as_json("clear", "--yes")["deleted"] == 0


def test_invalidate_forgets_both_forms_and_tags(filled: Any) -> None:
    assert "2 keys and 1 tag would be forgotten" in run(
        "invalidate", "--key", "product:9", "--tag", "shop", "--dry-run"
    )
    assert filled.get("product:9") is not None
    found = as_json("invalidate", "--key", "product:9", "--tag", "shop")
    assert (found["keys_found"], found["tags_found"], found["keys"]) == (2, 1, ["product:9"])
    assert filled.get("product:9") is None
    assert filled.get("product:91") is not None
    assert "2 keys and 0 tags forgotten" in run("invalidate", "product:*")


def test_invalidate_of_nothing_is_wrong_usage(filled: Any) -> None:
    with pytest.raises(CommandError, match="nothing to forget") as refused:
        run("invalidate")
    assert refused.value.returncode == exits.USAGE


def test_an_alias_chooses_the_cache(server: Endpoint, prefix: str) -> None:
    both = {name: {"BACKEND": BACKEND, "LOCATION": server.url, "KEY_PREFIX": f"{prefix}{name}"} for name in "xy"}
    with override_settings(CACHES={"default": both["x"], **both}):
        caches["y"].set("product:9", 1)
        assert run("keys") == ""
        assert run("keys", "--alias", "y") == "product:9\n"
        assert run("keys", alias="y") == "product:9\n"
        run("invalidate", "--key", "product:9", "--alias", "y")
        assert run("keys", "product:*", "--alias", "y") == ""
        assert as_json("doctor", "--alias", "y", samples=10, keys=10)["prefix"] == f"{prefix}y:1:"


def test_doctor_names_a_cache_whose_keys_look_like_those_of_this_one(server: Endpoint, prefix: str) -> None:
    each = {"BACKEND": BACKEND, "LOCATION": server.url}
    both = {"default": {**each, "KEY_PREFIX": prefix}, "sessions": {**each, "KEY_PREFIX": f"{prefix}:1"}}
    with override_settings(CACHES=both):
        for alias, named in (("default", [["CACHES['sessions']"]]), ("sessions", [])):
            findings = as_json("doctor", "--alias", alias, samples=10, keys=10)["findings"]
            assert [found["value"] for found in findings if found["check"] == "keyspace.neighbours"] == named


def upper_case(key: str, prefix: str, version: int) -> str:
    """A key function of a project."""
    return f"{prefix}|{version}|{key}".upper()


def from_upper_case(key: str) -> str:
    return key.split("|", 2)[2].lower()


def test_keys_that_the_project_spells_are_found(server: Endpoint, prefix: str, use_caches: UseCaches) -> None:
    spelling = {"KEY_FUNCTION": upper_case, "REVERSE_KEY_FUNCTION": from_upper_case}
    use_caches({"BACKEND": BACKEND, "LOCATION": server.url, "KEY_PREFIX": prefix, **spelling})
    caches["default"].set("product:9", 1)
    assert run("keys", "product:*") == "product:9\n"
    assert as_json("clear", "product:*", "--yes")["deleted"] == 1
    caches["default"].set("product:9", 1)
    assert as_json("invalidate", "--key", "product:9", "--dry-run")["keys_found"] == 1
    run("invalidate", "product:?")
    assert caches["default"].get("product:9") is None


def test_a_server_that_is_away_is_said_with_its_code(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": BACKEND, "LOCATION": "redis://:S3CRET@127.0.0.1:1/0"})
    for command in (["keys"], ["invalidate", "--tag", "shop"], ["clear", "--yes"]):
        with pytest.raises(CommandError) as failed:
            run(*command)
        assert failed.value.returncode == exits.UNREACHABLE
        assert "S3CRET" not in str(failed.value)


def test_djangos_options_may_stand_anywhere(filled: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--no-color", "keys", "product:9"], ["keys", "product:9", "--no-color", "--traceback"]):
        ManagementUtility(["manage.py", "hitrate", *arguments]).execute()
        assert capsys.readouterr().out == "product:9\n"


@pytest.mark.usefixtures("no_warmers")
def test_warmup_runs_what_was_registered(django_cache: Any) -> None:
    ran = []

    @warmer
    def products() -> Any:
        for at in range(3):
            ran.append(at)
            yield at

    @warmer(name="start page")
    def start() -> int:
        ran.append("start")
        return 1

    @warmer
    def categories() -> None:
        ran.append("categories")

    assert run("warmup", "--dry-run").splitlines() == [
        "products would run",
        "start page would run",
        "categories would run",
    ]
    assert ran == []
    lines = run("warmup").splitlines()
    assert ran == [0, 1, 2, "start", "categories"]
    assert lines[0].startswith("products filled 3 entries in ")
    assert lines[1].startswith("start page filled 1 entry in ")
    assert lines[2].startswith("categories ran in ")
    report = as_json("warmup", "start page")
    assert [(one["name"], one["entries"]) for one in report["warmers"]] == [("start page", 1)]
    with pytest.raises(CommandError, match="'nothing'; known are: products, start page, categories"):
        run("warmup", "nothing")


@pytest.mark.usefixtures("no_warmers")
def test_a_warmer_that_fails_keeps_none_from_running(django_cache: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert run("warmup") == "no warmer is registered\n"

    @warmer
    def broken() -> None:
        raise ZeroDivisionError("by zero")

    @warmer
    def whole() -> int:
        return 2

    report = as_json("warmup", code=exits.PROBLEM)["warmers"]
    assert [one.get("error") for one in report] == ["ZeroDivisionError: by zero", None]
    assert "failed after" in run("warmup", code=exits.PROBLEM)
    assert "warmer 'broken' failed" in caplog.text


@pytest.mark.usefixtures("no_warmers")
def test_two_warmers_of_one_name_are_refused() -> None:
    warmer(name="x")(lambda: 1)
    with pytest.raises(ConfigError, match="two warmers are called 'x'"):

        @warmer(name="x")
        def other() -> None: ...


def neighbours(product: Product) -> list[str]:
    """A callable of a project."""
    return [f"products:{product.pk}:*"]


def test_explain_says_what_saving_would_forget(lamp: Product) -> None:
    register(Product, forgets=[tag("category:{category}"), neighbours])
    text = run("explain", "shelf.Product", str(lamp.pk), "--set", "category=99")
    assert f"saving shelf.Product {lamp.pk} would forget" in text
    assert "tag     category:99   shelf.Product forgets tag('category:{category}')\n" in text
    assert f"tag     category:{lamp.category_id}   " in text
    assert "by what the database holds" in text
    assert f"pattern products:{lamp.pk}:*   shelf.Product forgets neighbours" in text
    found = as_json("explain", "shelf.Product", str(lamp.pk))
    assert [(one["kind"], one["name"]) for one in found["forgets"]] == [
        ("tag", f"category:{lamp.category_id}"),
        ("pattern", f"products:{lamp.pk}:*"),
    ]


def test_explain_lists_rules(lamp: Product) -> None:
    assert run("explain") == "no rule is registered\n"
    assert "nothing: no rule" in run("explain", "shelf.Product", str(lamp.pk))
    register(Product, forgets=["products"])
    assert run("explain", "shelf.Product") == "shelf.Product forgets pattern('products') in cache 'default'\n"
    assert as_json("explain")["rules"][0]["rule"] == "pattern('products')"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Nothing"], "no model 'Nothing'"),
        (["shelf.Nothing"], "no model 'shelf.Nothing'"),
        (["shelf.Product", "{pk}", "--set", "slug=x"], "no field 'slug'"),
        (["shelf.Product", "{pk}", "--set", "price=dear"], "'dear' is no value for 'price'"),
        (["shelf.Product", "{pk}", "--set", "price"], "'price' is no FIELD=VALUE"),
    ],
)
def test_explain_says_what_it_does_not_understand(lamp: Product, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("explain", *(one.format(pk=lamp.pk) for one in arguments))


def test_explain_of_no_row_is_an_exit_code(lamp: Product) -> None:
    for pk in ("0", "x"):
        run("explain", "shelf.Product", pk, code=exits.WARNING)


def test_the_statistics_have_the_shape_that_dashboards_read(filled: Any, server: Endpoint) -> None:
    server.execute("CONFIG", "RESETSTAT")
    assert get_cache_stats()["hit_rate"] == "0.00%"
    for key in ("product:9", "product:91", "nothing"):
        filled.get(key)
    stats = get_cache_stats()
    assert set(stats) == set("redis_version connected_clients used_memory total_keys hits misses hit_rate".split())
    assert (stats["hits"], stats["misses"], stats["hit_rate"]) == (2, 1, "66.67%")
    assert stats["total_keys"] >= 4
    assert stats["used_memory"][-1] in "KMG"


def test_the_statistics_never_raise(start_server: Callable[..., Server], use_caches: UseCaches) -> None:
    server = start_server()
    server.execute("ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all", "-info", "-@admin")
    location = f"redis://web:secret@127.0.0.1:{server.port}"
    use_caches({"BACKEND": BACKEND, "LOCATION": location})
    forbidden = get_cache_stats()
    assert forbidden["hit_rate"] == "0.00%"
    assert forbidden["missing"] == ["redis_version", "connected_clients", "used_memory", "hits", "misses"]
    assert forbidden["total_keys"] == 0
    server.kill()
    away = get_cache_stats()
    assert "total_keys" in away["missing"]
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    assert get_cache_stats()["missing"]
