"""The guide "Redis in production" and ``examples/compose.yaml``, held against a real server."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

import hitrate
from hitrate.testing import Server
from tests.conftest import needs_redis_cli
from tests.integration.conftest import MakeVerbs, Verbs

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDE = (ROOT / "docs/guides/redis-in-production.md").read_text("utf-8")
COMPOSE = ROOT / "examples/compose.yaml"
PASSWORD = "0123456789abcdef"


def commands() -> Iterator[list[str]]:
    """Every ``redis-cli`` line of the guide, in its blocks and in its text."""
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)).replace("\\\n", " ")
    inline = re.findall(r"(?<!`)`(redis-cli [^`]+)`(?!`)", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL))
    for line in [*blocks.splitlines(), *inline]:
        if line.startswith("redis-cli "):
            yield shlex.split(line.replace("\n", " ").replace("\\|", "|"))[1:]


def rules(user: str) -> list[str]:
    """What the guide lets a user do."""
    (found,) = (command[3:] for command in commands() if command[:3] == ["ACL", "SETUSER", user])
    return found


def interpolated(text: str, variables: dict[str, str]) -> str:
    """``${NAME}`` and ``${NAME:?error}`` as compose replaces them."""
    return re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", lambda match: variables[match[1]], text)


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """The service ``redis`` of the compose file."""
    compose = yaml.safe_load(interpolated(COMPOSE.read_text("utf-8"), {"REDIS_PASSWORD": PASSWORD}))
    found: dict[str, Any] = compose["services"]["redis"]
    return found


@pytest.fixture
def composed(service: dict[str, Any], start_server: Callable[..., Server]) -> Server:
    """A server with the arguments of the compose file."""
    program, *arguments = service["command"]
    assert program == "redis-server"
    return start_server(args=arguments, password=PASSWORD)


def health(service: dict[str, Any], server: Server, **variables: str) -> int:
    """Run the health check of the compose file, on the port of this server; 0 is healthy."""
    kind, command = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    command = command.replace("redis-cli", f"redis-cli -p {server.port}")
    environment = {"PATH": os.environ["PATH"], **service["environment"], **variables}
    try:
        done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, timeout=2, check=False)
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


def test_the_compose_file_is_what_compose_takes() -> None:
    """The part of the compose specification that it uses: names, kinds, durations, sizes."""
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    assert set(compose) == {"services", "volumes"}
    assert set(compose["volumes"]) == {"redis-data"}
    kinds = {
        "image": str,
        "restart": str,
        "ports": list,
        "command": list,
        "environment": dict,
        "healthcheck": dict,
        "volumes": list,
        "mem_limit": str,
        "stop_grace_period": str,
    }
    for found in compose["services"].values():
        assert {name: type(value) for name, value in found.items()} == kinds
        # Not "yes" without quotes, which YAML reads as true.
        assert all(type(item) is str for name in ("ports", "command", "volumes") for item in found[name])
        assert re.fullmatch(r"redis:7\S*", found["image"])
        assert found["restart"] in {"no", "always", "on-failure", "unless-stopped"}
        assert all(port.startswith("127.0.0.1:") for port in found["ports"]), "it would be open to the world"
        assert found["volumes"] == ["redis-data:/data"]
        check = found["healthcheck"]
        assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}
        durations = [found["stop_grace_period"], *(check[name] for name in ("interval", "timeout", "start_period"))]
        assert all(re.fullmatch(r"\d+s", duration) for duration in durations)
        assert type(check["retries"]) is int


def test_no_password_stands_in_the_compose_file_and_none_is_assumed() -> None:
    text = COMPOSE.read_text("utf-8")
    assert set(re.findall(r"\$\{?(\w+)", re.sub(r"#.*", "", text))) == {"REDIS_PASSWORD"}
    assert re.search(r"requirepass\n\s+- \$\{REDIS_PASSWORD:\?[^}]+\}", text), "an empty password would be none"


def test_the_server_of_the_compose_file_has_the_settings_of_the_guide(
    composed: Server, service: dict[str, Any]
) -> None:
    def setting(name: str) -> str:
        found: bytes = composed.execute("CONFIG", "GET", name)[1]
        return found.decode()

    assert setting("maxmemory") == str(256 << 20)
    assert int(service["mem_limit"].removesuffix("m")) << 20 >= 2 * int(setting("maxmemory"))
    assert setting("maxmemory-policy") == "allkeys-lru"
    assert (setting("appendonly"), setting("appendfsync"), setting("save")) == ("yes", "everysec", "60 1000")
    assert (setting("lazyfree-lazy-eviction"), setting("lazyfree-lazy-expire")) == ("yes", "yes")
    assert setting("latency-monitor-threshold") == "100"


def test_the_server_of_the_compose_file_evicts_instead_of_refusing(composed: Server) -> None:
    cache = hitrate.Cache(composed.url, prefix="shop", on_error="raise", timeout=60)
    composed.execute("CONFIG", "SET", "maxmemory", int(composed.info("memory")["used_memory"]) + (2 << 20))
    for number in range(1000):
        assert cache.set(f"k{number}", "x" * 10_000)
    assert cache.get("k999") is not None
    assert int(composed.info("stats")["evicted_keys"]) > 500
    cache.close()


@needs_redis_cli
def test_the_health_check_is_healthy_only_where_the_password_is_right_and_the_server_answers(
    composed: Server, service: dict[str, Any]
) -> None:
    assert health(service, composed) == 0
    assert health(service, composed, REDISCLI_AUTH="wrong") != 0
    assert health(service, composed, REDISCLI_AUTH="") != 0
    composed.stop()
    assert health(service, composed) != 0
    composed.cont()
    composed.kill()
    assert health(service, composed) != 0


# Every verb once, as `hitrate.Cache` and as Django's backend use it.
async def use_everything(verbs: Verbs) -> None:
    await verbs.set("k", 1)
    await verbs.get("k")
    await verbs.add("n", 1)
    await verbs.incr("n")
    await verbs.has("n")
    await verbs.touch("n", None)
    await verbs.expire("n", 100)
    await verbs.expire_at("n", 4_000_000_000)
    await verbs.ttl("n")
    await verbs.persist("n")
    await verbs.set_many({"a": 1, "b": 2})
    await verbs.get_many(["a", "b"])
    await verbs.keys()
    await verbs.delete_pattern("a*")
    await verbs.delete("b")
    await verbs.get_or_set("z", 1)
    lock = verbs.lock("l", ttl=10)
    await lock.acquire()
    await lock.extend(20)
    await lock.release()
    # What Django's incr_version sends.
    await verbs.execute("RENAME", "shop:z", "shop:y")
    await verbs.execute("PING")
    assert (await verbs.server_info())["missing"] == []
    await verbs.clear()


def use_entries(cache: hitrate.Cache) -> None:
    """Fill an entry, take the lease of the old one, and forget it."""
    calls = []

    @hitrate.cached(cache, prefix="count", ttl=0.01, stale=60, tags=["tag"])
    def count() -> int:
        calls.append(1)
        return len(calls)

    assert count() == 1
    time.sleep(0.02)
    assert count() == 2
    assert cache.invalidate(tags=["tag"]) == 1


def use_limits(cache: hitrate.Cache) -> None:
    """Count by every algorithm, from the first call on and on top of what was counted."""
    for algorithm in ("fixed_window", "sliding_window", "sliding_log", "gcra", "once"):
        limit = "1/minute" if algorithm == "once" else "3/minute"
        limiter = hitrate.RateLimiter(cache, limit, algorithm, on_error="raise")
        limiter.hit("a")
        limiter.hit("a")
        limiter.reset("a")
    forgetful = hitrate.RateLimiter(cache, hitrate.Limit(1, 0.01), "sliding_log", on_error="raise", max_staleness=0)
    assert forgetful.hit("a").allowed
    while not forgetful.hit("a").allowed:
        pass


async def test_the_acl_user_of_the_guide_may_do_everything_and_nothing_needless(
    own_server: Server, make_verbs: MakeVerbs
) -> None:
    own_server.execute("ACL", "SETUSER", "shop", *rules("shop"))
    (password,) = (rule[1:] for rule in rules("shop") if rule.startswith(">"))
    own_server.execute("CONFIG", "RESETSTAT")
    url = f"redis://shop:{password}@127.0.0.1:{own_server.port}/1"
    for protocol in (2, 3):
        with closing(hitrate.Cache(url, prefix="shop", protocol=protocol, timeout=60)) as cache:
            use_entries(cache)
            use_limits(cache)
        await use_everything(make_verbs(url, prefix="shop", protocol=protocol, timeout=60))

    stats = own_server.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): dict(re.findall(r"(\w+)=(\d+)", text)) for name, text in stats.items()}
    used = {name for name, counts in calls.items() if int(counts["calls"])}
    refused = {name for name, counts in calls.items() if int(counts.get("rejected_calls", 0))}
    # Always allowed, whatever the rules say; the last one was sent by this test.
    used -= {"hello", "auth", "config|resetstat", "config"}
    allowed = {rule[1:] for rule in rules("shop") if rule.startswith("+")}
    # Redis 6.2 counts all that CLIENT does together, SETINFO too, which the guide names as the exception.
    assert {name.partition("|")[0] for name in used} == {name.partition("|")[0] for name in allowed}
    assert refused <= {"client|setinfo", "client"}


@pytest.mark.parametrize(
    "command",
    [
        ["KEYS", "*"],
        ["FLUSHDB"],
        ["CONFIG", "GET", "*"],
        ["GET", "other:k"],
        ["SET", "k", "v"],
        ["ACL", "LIST"],
    ],
    ids=" ".join,
)
def test_the_acl_user_of_the_guide_may_not_do_more(own_server: Server, command: list[str]) -> None:
    own_server.execute("ACL", "SETUSER", "shop", *rules("shop"))
    (password,) = (rule[1:] for rule in rules("shop") if rule.startswith(">"))
    cache = hitrate.Cache(f"redis://shop:{password}@127.0.0.1:{own_server.port}", prefix="shop", timeout=60)
    with pytest.raises(hitrate.ServerPermissionError):
        cache.execute(*command)
    cache.close()


def test_without_a_password_one_may_only_ping_once_the_default_user_is_cut_down(own_server: Server) -> None:
    (rule,) = re.findall(r"`user default (on nopass\s+resetkeys -@all \+ping)`", GUIDE)
    own_server.execute("ACL", "SETUSER", "default", *rule.split())
    assert own_server.execute("PING") == b"PONG"
    for command in (["INFO"], ["GET", "k"], ["ACL", "WHOAMI"]):
        with pytest.raises(hitrate.ServerResponseError, match="NOPERM"):
            own_server.execute(*command)


@needs_redis_cli
def test_every_command_of_the_guide_is_one(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(password=PASSWORD)
    server.execute("SET", "shop:1:report", "x", "EX", "100")
    environment = {**os.environ, "REDISCLI_AUTH": PASSWORD}
    seen = 0
    for command in commands():
        if "--latency" in command:  # goes on for ever
            continue
        arguments = [argument.replace("/tmp", str(tmp_path)) for argument in command]
        # One snapshot or rewrite at a time.
        while "1" in (server.info("persistence")[f"{kind}_in_progress"] for kind in ("rdb_bgsave", "aof_rewrite")):
            assert server.is_running
        done = subprocess.run(
            ["redis-cli", "-p", str(server.port), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}: {said}"
        assert not re.match(r"\(error\)|ERR|NOAUTH|NOPERM|WRONGPASS", said), f"{command}: {said}"
        seen += 1
    assert seen > 20
    assert (tmp_path / "backup.rdb").stat().st_size > 0


def test_a_backup_comes_back_as_the_guide_says_and_only_so(start_server: Callable[..., Server], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("original", "right", "wrong")]
    for folder in folders:
        folder.mkdir()
    original = start_server(args=["--dir", str(folders[0]), "--appendonly", "yes"])
    original.execute("SET", "session", "x")
    original.execute("SAVE")
    for folder in folders[1:]:
        shutil.copy(folders[0] / "dump.rdb", folder)

    right = start_server(args=["--dir", str(folders[1]), "--appendonly", "no"])
    assert loaded(right).execute("GET", "session") == b"x"
    right.execute("CONFIG", "SET", "appendonly", "yes")
    while right.info("persistence")["aof_rewrite_in_progress"] != "0":
        assert right.is_running
    right.kill()
    again = start_server(args=["--dir", str(folders[1]), "--appendonly", "yes"])
    assert loaded(again).execute("GET", "session") == b"x"

    wrong = start_server(args=["--dir", str(folders[2]), "--appendonly", "yes"])
    assert loaded(wrong).execute("GET", "session") is None


def loaded(server: Server) -> Server:
    """The server, as soon as it has read its files."""
    while server.info("persistence")["loading"] != "0":
        assert server.is_running
    return server
