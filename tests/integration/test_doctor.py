"""The examination, against servers that are well, dangerous, forbidding, replicas, frozen and gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

import hitrate
from hitrate.cli import exits, main
from hitrate.cli.doctor import Level, Report, examine
from hitrate.cli.output import Advance
from hitrate.cli.target import Target
from hitrate.exceptions import ServerConnectionError
from hitrate.testing import Server, TLSFiles

StartServer = Callable[..., Server]
Doctor = Callable[..., tuple[int, dict[str, Any]]]

# Generous: these tests are about judgements, and the machine may be busy.
PATIENT = ["--timeout", "5"]
FEW = ["--samples", "50", "--keys", "200"]
SOUND = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]
PASSWORD = "pa/ss S3CRET"
QUOTED = "pa%2Fss%20S3CRET"


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run ``hitrate doctor --json`` and return its exit code and what it wrote."""

    def run(url: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(
            ["doctor", "--url", url, "--json", *FEW, *(PATIENT if "--timeout" not in arguments else []), *arguments]
        )
        said = capsys.readouterr()
        assert said.err == ""
        found: dict[str, Any] = json.loads(said.out)
        return code, found

    return run


def levels(report: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["level"] for finding in report["findings"]}


def finding(report: dict[str, Any], check: str) -> dict[str, Any]:
    (found,) = [each for each in report["findings"] if each["check"] == check]
    return dict(found)


def user_url(server: Server, *rules: str) -> str:
    server.execute("ACL", "SETUSER", "web", "reset", "on", f">{PASSWORD}", *rules)
    return f"redis://web:{QUOTED}@127.0.0.1:{server.port}"


def no_progress(what: str, total: int | None) -> Any:
    @contextmanager
    def silent() -> Iterator[Advance]:
        yield lambda _: None

    return silent()


def test_a_sound_server_has_no_problem(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    server.execute("SET", "shop:a", "1", "EX", 100)
    code, report = doctor(server.url, "--prefix", "shop")
    assert code == exits.FINE
    # How long a round trip takes is not this server's fault.
    bad = {check for check, level in levels(report).items() if level in ("warning", "problem")}
    assert bad - {"latency.round_trip"} == set()
    groups = {check.partition(".")[0] for check in levels(report)}
    assert groups == set("reach server access verbs latency memory persistence security limits keyspace".split())
    assert finding(report, "server.version")["value"]["version"] == server.version.split()[1]


def test_the_json_has_the_shape_that_the_guide_describes(start_server: StartServer, doctor: Doctor) -> None:
    _, report = doctor(start_server(args=SOUND).url, "--prefix", "shop")
    shape = {name: type(value) for name, value in report.items()}
    assert shape == {
        "schema": int,
        "hitrate": str,
        "address": str,
        "prefix": str,
        "is_reachable": bool,
        "level": str,
        "counts": dict,
        "findings": list,
    }
    assert (report["schema"], report["hitrate"]) == (1, hitrate.__version__)
    assert list(report["counts"]) == [level.value for level in Level]
    assert sum(report["counts"].values()) == len(report["findings"])
    for each in report["findings"]:
        assert list(each) == ["check", "level", "found", "value", "why", "advice"]
        assert all(isinstance(each[name], str) for name in ("check", "level", "found", "why", "advice"))
        assert each["level"] in report["counts"]
        if each["level"] in ("warning", "problem"):
            assert each["why"]
            assert each["advice"]
    assert len({each["check"] for each in report["findings"]}) == len(report["findings"])
    latency = finding(report, "latency.round_trip")["value"]
    assert latency["count"] == 50
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    assert sum(count for _, count in latency["buckets"]) == 50
    assert latency["buckets"][-1][0] is None


def test_dangerous_settings_are_found_and_what_is_advised_mends_them(start_server: StartServer, doctor: Doctor) -> None:
    settings = {
        "maxmemory": "64mb",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "60 1",
        "protected-mode": "no",
        "tcp-keepalive": "0",
        "client-output-buffer-limit": "pubsub 0 0 0",
        "lazyfree-lazy-eviction": "no",
    }
    # The second address is one that no machine has, and the sign in front says that it may be missing.
    server = start_server(args=["--bind", "127.0.0.1", "-192.0.2.1"])
    for name, value in settings.items():
        server.execute("CONFIG", "SET", name, value)
    code, report = doctor(server.url)
    assert code == exits.PROBLEM
    expected = {
        "memory.policy": "problem",
        "persistence.append_only": "warning",
        "persistence.snapshots": "info",
        "security.password": "problem",
        "security.protected_mode": "warning",
        "limits.timeouts": "warning",
        "limits.pubsub_buffer": "warning",
        "limits.lazy_free": "info",
    }
    assert expected.items() <= levels(report).items()

    advised = [found["advice"] for found in report["findings"] if found["check"] in expected]
    commands = [part.strip() for advice in advised for part in advice.replace(", if ", ";").split(";")]
    for command in commands:
        _, found, setting = command.partition("CONFIG SET ")
        if found:
            name, value = setting.split(" ", 1)
            server.execute("CONFIG", "SET", name, value.strip('"'))
    code, report = doctor(server.url)
    assert code == exits.FINE
    mended = {check: level for check, level in levels(report).items() if check in expected and level != "ok"}
    # The file is still written; there is still no password, but protected mode keeps others out.
    assert mended == {"persistence.append_only": "info", "security.password": "warning"}


def test_warnings_count_only_if_it_is_strict(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server()  # maxmemory is 0: no limit
    code, report = doctor(server.url)
    assert (code, report["level"]) == (exits.FINE, "warning")
    assert levels(report)["memory.limit"] == "warning"
    assert doctor(server.url, "--strict")[0] == exits.WARNING


def test_a_user_without_config_info_keys_and_flushdb_is_served_and_told(
    start_server: StartServer, doctor: Doctor
) -> None:
    server = start_server(args=SOUND)
    url = user_url(server, "~shop:*", "+@all", "-config", "-info", "-keys", "-flushdb", "-flushall")
    server.execute("SET", "shop:a:1", "x", "EX", 100)
    code, report = doctor(url, "--prefix", "shop")
    assert code == exits.FINE
    assert finding(report, "sight.refused")["value"] == ["INFO", "CONFIG GET"]
    assert finding(report, "access.optional")["value"]["forbidden"] == ["INFO", "FLUSHDB"]
    assert levels(report)["access.commands"] == "ok"
    assert "shop:a:*" in finding(report, "keyspace.sizes")["value"]


@pytest.mark.parametrize("dry", [True, False], ids=["by ACL DRYRUN", "by running them"])
def test_what_a_user_lacks_is_named_and_the_advice_gives_it(
    start_server: StartServer, doctor: Doctor, dry: bool
) -> None:
    server = start_server(args=SOUND)
    rules = ["~shop:*", "+@all", "-mget", "-pexpire", "-eval", "-unlink", *([] if dry else ["-acl"])]
    code, report = doctor(user_url(server, *rules), "--prefix", "shop")
    found = finding(report, "access.commands")
    assert code == exits.PROBLEM
    assert ("ACL DRYRUN" in found["found"]) is dry
    assert found["value"] == {"user": "web", "forbidden": ["MGET", "PEXPIRE", "EVAL", "UNLINK"]}
    server.execute(*found["advice"].split())
    code, report = doctor(f"redis://web:{QUOTED}@127.0.0.1:{server.port}", "--prefix", "shop")
    assert code == exits.FINE
    assert levels(report)["access.commands"] == "ok"


def test_a_user_who_may_only_get_and_set_is_examined_and_leaves_nothing_that_lasts(
    start_server: StartServer, doctor: Doctor
) -> None:
    server = start_server(args=SOUND)
    code, report = doctor(user_url(server, "~shop:*", "+get", "+set", "+pexpireat", "+persist"), "--prefix", "shop")
    assert code == exits.PROBLEM
    assert {"MGET", "SCAN", "UNLINK"} <= set(finding(report, "access.commands")["value"]["forbidden"])
    assert levels(report)["verbs.delete"] == "problem"
    assert "latency.round_trip" in levels(report)
    left = server.execute("KEYS", "*")
    assert left
    assert all(0 < server.execute("PTTL", key) <= 60_000 for key in left)


@pytest.mark.parametrize("dry", [True, False], ids=["by ACL DRYRUN", "by running them"])
def test_a_command_that_was_renamed_away_is_named(start_server: StartServer, doctor: Doctor, dry: bool) -> None:
    taken = ["--rename-command", "EVALSHA", "", "--rename-command", "DBSIZE", ""]
    server = start_server(args=[*SOUND, *taken])
    code, report = doctor(server.url if dry else user_url(server, "~*", "+@all", "-acl"))
    found = finding(report, "access.absent")
    assert (code, found["level"], found["value"]) == (exits.PROBLEM, "problem", ["EVALSHA", "DBSIZE"])
    assert "16 of the 17" in finding(report, "access.commands")["found"]


def test_a_server_without_flushdb_is_well(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=[*SOUND, "--rename-command", "FLUSHDB", ""])
    code, report = doctor(server.url)
    assert (code, finding(report, "access.absent")["level"]) == (exits.FINE, "info")


def test_a_prefix_that_the_user_may_not_touch_is_named(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    url = user_url(server, "~shop:*", "+@all")
    code, report = doctor(url, "--prefix", "other")
    found = finding(report, "access.keys")
    assert (code, found["value"]["pattern"]) == (exits.PROBLEM, "other:*")
    server.execute(*found["advice"].partition(";")[0].split())
    assert "access.keys" not in levels(doctor(url, "--prefix", "other")[1])


def test_it_leaves_nothing_behind(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    doctor(server.url, "--prefix", "shop")
    doctor(user_url(server, "~*", "+@all", "-acl"), "--prefix", "shop")
    assert server.execute("DBSIZE") == 0


def test_no_password_and_no_value_is_shown(
    start_server: StartServer, doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server(args=SOUND, password=PASSWORD)
    server.execute("SET", "shop:a", "V4LUE")
    digests = server.execute("ACL", "GETUSER", "default")[3]
    code, report = doctor(server.url, "--prefix", "shop")
    assert code == exits.FINE
    assert finding(report, "security.password")["value"]["needed"] is True
    main(["doctor", "--url", server.url, "--prefix", "shop", *FEW, *PATIENT])
    said = capsys.readouterr().out + json.dumps(report)
    for secret in ("S3CRET", QUOTED, "V4LUE", digests[0].decode()):
        assert secret not in said


@pytest.mark.parametrize("credentials", ["", "default:S3CRET-wrong@", "nobody:S3CRET@"])
def test_a_wrong_password_is_a_problem_and_not_an_absent_server(
    start_server: StartServer, doctor: Doctor, credentials: str
) -> None:
    server = start_server(password=PASSWORD)
    code, report = doctor(f"redis://{credentials}127.0.0.1:{server.port}")
    assert (code, report["is_reachable"], levels(report)) == (exits.PROBLEM, True, {"reach.authentication": "problem"})
    assert "S3CRET" not in json.dumps(report)


def test_a_closed_port_is_unreachable(doctor: Doctor) -> None:
    code, report = doctor("redis://:S3CRET@127.0.0.1:1/0")
    assert (code, report["is_reachable"], levels(report)) == (exits.UNREACHABLE, False, {"reach.ping": "problem"})
    assert "127.0.0.1:1" in report["findings"][0]["found"]


def test_a_frozen_server_is_unreachable(own_server: Server, doctor: Doctor) -> None:
    own_server.stop()
    try:
        code, report = doctor(own_server.url, "--timeout", "0.2")
    finally:
        own_server.cont()
    assert (code, levels(report)) == (exits.UNREACHABLE, {"reach.ping": "problem"})
    assert "0.2 s" in report["findings"][0]["found"]


def test_a_server_that_dies_meanwhile_is_a_problem_with_what_was_found_before(own_server: Server) -> None:
    def kill_while_timing(what: str, total: int | None) -> Any:
        if what == "timing round trips":
            own_server.kill()
        return no_progress(what, total)

    report: Report = examine(Target(own_server.url, {"timeout": 1}), kill_while_timing)
    assert report.exit_code(is_strict=False) == exits.PROBLEM
    checks = {found.check: found.level for found in report.findings}
    assert checks["server.version"] is Level.OK
    assert [found.level for found in report.findings if found.check == "reach.ping"] == [Level.OK, Level.PROBLEM]


def test_a_replica_is_named_with_its_primary(start_server: StartServer, doctor: Doctor) -> None:
    primary, replica = start_server(args=SOUND), start_server(args=SOUND)
    replica.execute("REPLICAOF", "127.0.0.1", primary.port)
    code, report = doctor(replica.url)
    found = finding(report, "server.role")
    assert (code, found["level"]) == (exits.PROBLEM, "problem")
    assert found["value"]["primary"] == f"127.0.0.1:{primary.port}"
    assert levels(report)["verbs.set"] == "problem"
    assert "latency.round_trip" in levels(report)


def test_the_embedded_store_is_examined_as_far_as_there_is_something(doctor: Doctor) -> None:
    code, report = doctor("memory://", "--prefix", "shop")
    assert (code, report["address"]) == (exits.FINE, "memory://")
    found = levels(report)
    assert {
        "verbs.work": "ok",
        "verbs.speed": "ok",
        "memory.limit": "ok",
        "sight.embedded": "info",
    }.items() <= found.items()
    groups = {check.partition(".")[0] for check in found}
    assert groups == {"reach", "verbs", "latency", "memory", "keyspace", "sight"}


def test_cluster_mode_is_a_problem(start_server: StartServer, doctor: Doctor) -> None:
    code, report = doctor(start_server(args=[*SOUND, "--cluster-enabled", "yes"]).url)
    assert (code, levels(report)["server.mode"]) == (exits.PROBLEM, "problem")


def test_a_full_server_is_found_by_writing(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"])
    code, report = doctor(server.url)
    assert code == exits.PROBLEM
    found = finding(report, "verbs.set")
    assert "OOM" in found["found"]
    assert "maxmemory" in found["advice"]


def test_tls_with_a_checked_certificate_is_well(
    start_server: StartServer, doctor: Doctor, authority: trustme.CA, tmp_path: Any
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    try:
        server = start_server(args=SOUND, tls=TLSFiles(tmp_path / "cert.pem", tmp_path / "key.pem"))
    except ServerConnectionError as error:
        if "TLS" not in str(error):
            raise
        pytest.skip("this server was built without TLS")
    code, report = doctor(f"{server.url}?tls_ca_file={tmp_path}/ca.pem")
    assert (code, levels(report)["reach.tls"]) == (exits.FINE, "ok")
    code, report = doctor(f"{server.url}?ssl_cert_reqs=none")
    assert (code, levels(report)["reach.tls"]) == (exits.PROBLEM, "problem")
    code, report = doctor(server.url)
    assert (code, levels(report)) == (exits.UNREACHABLE, {"reach.ping": "problem"})


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocols_see_the_same(start_server: StartServer, doctor: Doctor, protocol: int) -> None:
    server = start_server()
    _, report = doctor(f"{server.url}?protocol={protocol}")
    assert "sight.refused" not in levels(report)
    assert levels(report)["memory.limit"] == "warning"
    assert levels(report)["limits.pubsub_buffer"] == "ok"


def test_keys_are_counted_and_sized_by_prefix(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    cache = hitrate.Cache(server.url, prefix="shop")
    cache.set_many({f"products:{number}": "x" * 1000 for number in range(30)})
    cache.set_many({f"{number}:profile": "x" for number in range(20)}, ttl=None)
    cache.close()
    server.execute("SET", "other:large", "x" * (2 << 20), "EX", 100)
    server.execute("HSET", "other:hash", "a", "b")
    _, report = doctor(server.url, "--prefix", "shop")
    assert finding(report, "keyspace.count")["value"] == {"total": 52, "sampled": 52, "is_whole": True}
    sizes = finding(report, "keyspace.sizes")["value"]
    assert {name: group["keys_sampled"] for name, group in sizes.items()} == {
        "other:*": 2,
        "shop:products:*": 30,
        "shop:<id>:*": 20,
    }
    assert sizes["shop:products:*"]["mean_bytes"] > 1000
    assert sizes["shop:<id>:*"]["without_lifetime"] == 20
    assert finding(report, "keyspace.large")["value"] == {"other:*": sizes["other:*"]["largest_bytes"]}
    assert finding(report, "keyspace.lifetime")["level"] == "info"  # allkeys-lru evicts them


def test_a_large_keyspace_is_sampled_and_estimated(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    cache = hitrate.Cache(server.url, prefix="shop")
    cache.set_many({f"products:{number}": number for number in range(5000)})
    cache.close()
    _, report = doctor(server.url, "--keys", "100")
    assert finding(report, "keyspace.count")["value"] == {"total": 5000, "sampled": 100, "is_whole": False}
    (group,) = finding(report, "keyspace.sizes")["value"].values()
    assert (group["keys_sampled"], group["keys_estimated"]) == (100, 5000)


def test_without_memory_usage_sizes_come_from_strlen(start_server: StartServer, doctor: Doctor) -> None:
    server = start_server(args=SOUND)
    server.execute("SET", "shop:a:1", "x" * 100, "EX", 100)
    server.execute("HSET", "shop:a:2", "a", "b")
    server.execute("SET", "other:1", "x")
    _, report = doctor(user_url(server, "~shop:*", "+@all", "-memory"), "--prefix", "shop")
    assert finding(report, "sight.refused")["value"] == ["MEMORY USAGE"]
    found = finding(report, "keyspace.sizes")
    assert "STRLEN" in found["found"]
    assert found["value"]["shop:a:*"]["mean_bytes"] == 100
    assert found["value"]["other:*"]["mean_bytes"] is None  # this user may not look at it


def test_the_report_for_people_says_what_and_why_and_what_to_do(
    start_server: StartServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server(args=["--maxmemory", "64mb"])
    server.execute("SET", "shop:a:1", "x")
    assert main(["doctor", "--url", server.url, "--prefix", "shop", *FEW, *PATIENT]) == exits.PROBLEM
    said = capsys.readouterr().out
    assert said.startswith(
        f"hitrate {hitrate.__version__} examined redis://127.0.0.1:{server.port}/0, prefix 'shop:'\n"
    )
    assert "  problem  maxmemory-policy is noeviction" in said
    assert "do:  CONFIG SET maxmemory-policy allkeys-lru" in said
    assert "shop:a:*" in said
    assert "1 problem, " in said
    assert "\x1b" not in said
