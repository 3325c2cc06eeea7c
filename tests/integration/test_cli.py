"""The small commands: ping, stats, keys, get, ttl, clear, bench; and what all of them owe a terminal, or a pipe."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate._native import Lease
from hitrate.cli import exits, main
from hitrate.testing import Endpoint, Server

PROGRAM = [sys.executable, "-m", "hitrate.cli"]
# As in tests/faults: nothing here needs a fraction of it.
PATIENCE = 60.0

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(server: Endpoint, prefix: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the test's server and prefix, and return its exit code and what it wrote."""
    monkeypatch.setenv("HITRATE_URL", server.url)

    def call(command: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([command, "--prefix", prefix, "--timeout", "5", *arguments])
        return code, *capsys.readouterr()

    return call


def on_terminal(command: list[str], **environment: str) -> bytes:
    """Run a program on a terminal of its own, and return what that showed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "200", **environment},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    child.wait(PATIENCE)
    return shown


def test_ping_says_how_long_it_took(run: Run, server: Endpoint) -> None:
    code, out, err = run("ping", "--count", "3")
    assert (code, err) == (exits.FINE, "")
    assert out.startswith("PONG from ")
    found = json.loads(run("ping", "--count", "3", "--json")[1])
    assert found["count"] == 3
    assert 0 < found["p50"] <= found["max"]


def test_ping_of_nobody_is_unreachable(run: Run) -> None:
    code, out, err = run("ping", "--url", "redis://:S3CRET@127.0.0.1:1")
    assert (code, out) == (exits.UNREACHABLE, "")
    assert err.startswith("hitrate ping: no connection to 127.0.0.1:1")
    assert "S3CRET" not in err


def test_stats_are_what_the_server_says(run: Run, cache: hitrate.Cache) -> None:
    cache.set("a", 1)
    cache.get("a")
    code, out, _ = run("stats")
    assert code == exits.FINE
    assert "hit_rate" in out
    found = json.loads(run("stats", "--json")[1])
    assert found["keyspace_hits"] >= 1
    assert found["missing"] == []


def test_keys_stream_one_per_line(run: Run, cache: hitrate.Cache) -> None:
    cache.set_many({"a:1": 1, "a:2": 2, "b:1": 3})
    assert sorted(run("keys")[1].split()) == ["a:1", "a:2", "b:1"]
    assert sorted(run("keys", "a:*")[1].split()) == ["a:1", "a:2"]
    assert len(run("keys", "--limit", "2")[1].split()) == 2
    assert [json.loads(line) for line in run("keys", "b*", "--json")[1].splitlines()] == ["b:1"]
    assert run("keys", "nothing*") == (exits.FINE, "", "")


def test_a_key_cannot_drive_the_terminal(run: Run, cache: hitrate.Cache) -> None:
    cache.set("evil\x1b[2J\n:x", 1)
    assert run("keys")[1] == "evil\\x1b[2J\\n:x\n"
    assert json.loads(run("keys", "--json")[1]) == "evil\x1b[2J\n:x"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (b"42", "integer (int), 2 bytes\n42\n"),
        (b'{"a": [1, null]}', "json (dict), 16 bytes\n{'a': [1, None]}\n"),
        (b"text\x1b[2J", "text (str), 8 bytes\n'text\\x1b[2J'\n"),
        (b"\xff\xfe", "bytes (bytes), 2 bytes\nb'\\xff\\xfe'\n"),
    ],
)
def test_get_shows_form_type_size_and_value(run: Run, server: Endpoint, prefix: str, stored: bytes, shown: str) -> None:
    server.execute("SET", f"{prefix}:k", stored)
    assert run("get", "k") == (exits.FINE, shown, "")


def test_get_as_json_holds_what_json_holds(run: Run, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}:k", '{"a": 1}')
    expected: dict[str, Any] = {"key": "k", "form": "json", "size_bytes": 8, "type": "dict", "value": {"a": 1}}
    assert json.loads(run("get", "k", "--json")[1]) == expected
    server.execute("SET", f"{prefix}:k", b"\xff")
    assert json.loads(run("get", "k", "--json")[1])["repr"] == "b'\\xff'"


def test_a_pickle_is_read_only_where_the_user_says_so(run: Run, cache: hitrate.Cache) -> None:
    cache.set("k", {"a"})
    code, out, _ = run("get", "k")
    assert code == exits.FINE
    assert out.startswith("pickle, ")
    assert "--unpickle" in out
    assert "{'a'}" not in out
    assert "value" not in json.loads(run("get", "k", "--json")[1])
    assert run("get", "k", "--unpickle")[1].endswith(" bytes\n{'a'}\n")
    assert json.loads(run("get", "k", "--unpickle", "--json")[1])["repr"] == "{'a'}"


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({"serializer": "msgpack"}, "bytes"),
        ({"serializer": "pickle", "pickle_protocol": 0}, "text"),
        ({"serializer": "pickle", "signing_keys": ["k" * 32]}, "signed"),
    ],
)
def test_what_only_a_serializer_reads_is_read_where_the_user_says_so(
    run: Run, make_cache: Callable[..., hitrate.Cache], options: dict[str, Any], form: str
) -> None:
    make_cache(**options).set("k", {"a": [1]})
    asked = ("get", "k", "--unpickle", "--serializer", options["serializer"])
    found = json.loads(run(*asked, "--json")[1])
    assert (found["form"], found["type"], found["value"]) == (form, "dict", {"a": [1]})
    assert run(*asked)[1].startswith(f"{form} (dict), ")


@pytest.mark.parametrize("moment", ["9" * 30, "9" * 5000, "x"])
def test_a_record_with_a_moment_that_is_none_is_shown_without_it(
    run: Run, server: Endpoint, prefix: str, moment: str
) -> None:
    server.execute("SET", f"{prefix}:hitrate:tag:products", f"version:{moment}")
    found = json.loads(run("get", "hitrate:tag:products", "--json")[1])
    assert (found["version"], found["since"]) == ("version", None)


def test_what_no_serializer_reads_is_shown_as_it_is(run: Run, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}:k", "plain text")
    assert run("get", "k", "--unpickle") == (exits.FINE, "text (str), 10 bytes\n'plain text'\n", "")


def test_a_damaged_pickle_is_said_to_be_one(run: Run, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}:k", b"\x80\x04damaged.")
    code, out, err = run("get", "k", "--unpickle")
    assert (code, out) == (exits.PROBLEM, "")
    assert "damaged" in err


def test_a_key_that_is_missing_or_no_text_is_said_to_be(run: Run, server: Endpoint, prefix: str) -> None:
    assert run("get", "none") == (exits.WARNING, "", "no key 'none'\n")
    assert run("ttl", "none") == (exits.WARNING, "", "no key 'none'\n")
    server.execute("LPUSH", f"{prefix}:list", "x")
    code, _, err = run("get", "list")
    assert code == exits.PROBLEM
    assert "WRONGTYPE" in err


def test_ttl_is_in_seconds_or_for_ever(run: Run, cache: hitrate.Cache) -> None:
    cache.set("short", 1, ttl=1000)
    cache.set("long", 1, ttl=None)
    seconds, unit = run("ttl", "short")[1].split()
    assert 900 < int(seconds) <= 1000
    assert unit == "s"
    assert run("ttl", "long")[1] == "for ever\n"
    assert json.loads(run("ttl", "long", "--json")[1]) == {"key": "long", "ttl": None}


def test_clear_deletes_only_what_matches_and_asks_nobody_unasked(run: Run, cache: hitrate.Cache) -> None:
    cache.set_many({f"a:{number}": number for number in range(1200)})
    cache.set("b", 1)
    code, _, err = run("clear", "a:*")
    assert code == exits.USAGE
    assert "say --yes" in err
    assert run("clear", "a:*", "--dry-run")[1].startswith("1,200 keys match ")
    assert len(cache.keys()) == 1201
    code, out, _ = run("clear", "a:*", "--yes")
    assert code == exits.FINE
    assert out.startswith("1,200 keys deleted")
    assert cache.keys() == ["b"]


def test_clear_leaves_the_keys_of_others(run: Run, cache: hitrate.Cache, server: Endpoint, prefix: str) -> None:
    other = f"{prefix}-other:x"
    server.execute("SET", other, "1")
    cache.set("a", 1)
    assert run("clear", "--yes")[0] == exits.FINE
    assert cache.keys() == []
    assert server.execute("DEL", other) == 1


def test_clear_deletes_keys_that_are_no_text(run: Run, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}:".encode() + b"\xff", "1")
    assert run("clear", "--yes")[1].startswith("1 key deleted")
    assert run("keys")[1] == ""


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 0), (b"no\n", 1), (b"\n", 1)])
def test_clear_asks_on_a_terminal(
    answer: bytes, left: int, cache: hitrate.Cache, server: Endpoint, prefix: str
) -> None:
    cache.set("a", 1)
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "clear", "--url", server.url, "--prefix", prefix, "--timeout", "5"]
    child = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, answer)
    out, err = child.communicate(timeout=PATIENCE)
    os.close(ours)
    assert b"delete 1 key that match" in err
    assert child.returncode == (exits.WARNING if left else exits.FINE)
    assert (b"nothing was deleted" in out) is bool(left)
    assert len(cache.keys()) == left


def test_bench_measures_and_cleans_up(run: Run, cache: hitrate.Cache) -> None:
    code, out, _ = run("bench", "--count", "20", "--size", "100", "--many", "10")
    assert code == exits.FINE
    assert "get_many of 10" in out
    verbs = json.loads(run("bench", "--count", "20", "--json")[1])["verbs"]
    assert list(verbs) == ["set", "get", "set_many of 100", "get_many of 100"]
    assert all(timings["count"] == 20 for timings in verbs.values())
    assert cache.keys() == []


def test_the_url_comes_from_the_environment(server: Endpoint) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HITRATE_URL"}
    for url in ({"REDIS_URL": server.url}, {"REDIS_URL": "redis://127.0.0.1:1", "HITRATE_URL": server.url}):
        done = subprocess.run(
            [*PROGRAM, "ping"], env={**environment, **url}, capture_output=True, timeout=PATIENCE, check=False
        )
        assert (done.returncode, done.stderr) == (exits.FINE, b"")


def test_a_terminal_gets_colours_and_a_pipe_gets_none(own_server: Server) -> None:
    command = [*PROGRAM, "doctor", "--url", own_server.url, "--samples", "50"]
    assert b"\x1b[32mok" in on_terminal(command)
    assert b"\x1b" not in on_terminal(command, NO_COLOR="1")
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, "FORCE_COLOR": "1"}, timeout=PATIENCE, check=False
    )
    assert done.stdout
    assert b"\x1b" not in done.stdout + done.stderr


def test_everything_works_without_rich(own_server: Server) -> None:
    hide = "import sys; sys.modules['rich'] = None; from hitrate.cli import main; sys.exit(main())"
    for arguments in (["doctor", "--samples", "50"], ["bench", "--count", "10"], ["clear", "--yes"], ["stats"]):
        shown = on_terminal([sys.executable, "-c", hide, *arguments, "--url", own_server.url])
        assert shown
        assert b"Traceback" not in shown
        assert b"\x1b" not in shown


def test_a_reader_that_has_seen_enough_is_no_error(own_server: Server) -> None:
    cache = hitrate.Cache(own_server.url)
    cache.set_many({f"some-quite-long-key:{number:040}": 1 for number in range(5000)})
    cache.close()
    child = subprocess.Popen(
        [*PROGRAM, "keys", "--url", own_server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(PATIENCE) == exits.BROKEN_PIPE


@pytest.fixture
def kept(cache: hitrate.Cache, make_cache: Callable[..., hitrate.Cache]) -> hitrate.Cache:
    """A cache with an answer, a cached value, leases and a value."""
    tags = ("products", "product:5")
    answer, value = cache._lease("page", 60, tags), cache._lease("value", 60)
    assert isinstance(answer, Lease)
    assert isinstance(value, Lease)
    headers = [("Content-Type", "text/plain"), ("X-Evil", "\x1b[2J")]
    assert cache._fill_response(answer, 200, headers, b"b" * 600, etag='"e"', fresh=100, lifetime=1000)
    assert cache._fill_value(value, {"a"}, fresh=100, lifetime=1000)
    assert isinstance(cache._lease("lease", 60), Lease)
    assert isinstance(cache._lease_original("pickled", 60), Lease)
    assert isinstance(make_cache(serializer="json")._lease_original("json", 60), Lease)
    cache.set("plain", "text", ttl=100)
    return cache


def test_get_shows_an_answer_for_what_it_is(run: Run, kept: hitrate.Cache) -> None:
    code, out, err = run("get", "page")
    assert (code, err) == (exits.FINE, "")
    assert out.startswith("answer, ")
    for said in ("status      200", "tags        product:5, products", "is current  yes", "X-Evil: \\x1b[2J"):
        assert said in out
    assert out.endswith("b" * 500 + " ...\n")
    found = json.loads(run("get", "page", "--json")[1])
    assert (found["form"], found["status"], found["etag"], found["tags"]) == (
        "answer",
        200,
        '"e"',
        ["product:5", "products"],
    )
    assert (found["body"], found["body_bytes"], found["is_cut"]) == ("b" * 500, 600, True)
    assert 0 <= found["age"] < 60 < found["fresh_for"] <= 100 < found["expires_in"] <= 1000
    kept.invalidate(tags=["products"])
    assert "is current  no: " in run("get", "page")[1]


def test_get_opens_a_cached_value_and_reads_nothing_of_it(run: Run, kept: hitrate.Cache) -> None:
    found = json.loads(run("get", "value", "--json")[1])
    assert (found["form"], found["value_form"], "status" in found) == ("cached value", "pickle", False)
    assert "value form  pickle" in run("get", "value")[1]


def test_get_knows_leases_and_records(run: Run, kept: hitrate.Cache) -> None:
    for key in ("lease", "pickled", "json"):
        assert json.loads(run("get", key, "--json")[1])["form"] == "lease"
    found = json.loads(run("get", "hitrate:tag:products", "--json")[1])
    assert (found["form"], found["tag"], len(found["version"])) == ("tag record", "products", 32)
    kept.invalidate("x*")
    lease = kept._lease("late", 60)
    assert isinstance(lease, Lease)
    kept._fill_value(lease, 1, fresh=1, lifetime=1, older_by=1)
    assert run("get", "hitrate:forgotten")[1].startswith("record of deletions, ")


def test_an_answer_that_cannot_be_opened_is_said_to_be_one(run: Run, kept: hitrate.Cache) -> None:
    full = kept.make_key("page")
    stored = kept.execute("GET", full)
    kept.execute("SET", full, stored[:80], "KEEPTTL")
    assert run("get", "page")[0] == exits.PROBLEM
    assert "the answer cannot be opened: damaged" in run("get", "page")[2]


def test_long_lists_tell_kinds(run: Run, kept: hitrate.Cache) -> None:
    kept.execute("RPUSH", kept.make_key("list"), "item")
    found = [json.loads(line) for line in run("keys", "--long", "--json")[1].splitlines()]
    assert {one["key"]: one["kind"] for one in found} == {
        "page": "answer",
        "value": "cached value",
        "lease": "lease",
        "pickled": "lease",
        "json": "lease",
        "plain": "value",
        "list": "list",
    }
    assert all(one["ttl"] is None or one["ttl"] > 0 for one in found)
    assert any(line.startswith("answer ") and line.endswith("  page") for line in run("keys", "--long")[1].splitlines())


def test_records_are_listed_where_they_are_named(run: Run, kept: hitrate.Cache) -> None:
    assert not any("hitrate" in line for line in run("keys")[1].splitlines())
    assert sorted(run("keys", "hitrate:*")[1].split()) == ["hitrate:tag:product:5", "hitrate:tag:products"]
    assert not any(key.startswith("hitrate:") for key in kept.keys("*:*"))
    kept.clear()
    assert kept.keys("hitrate:*") == []
