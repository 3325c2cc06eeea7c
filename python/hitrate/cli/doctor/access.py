"""Which of the commands that hitrate sends this user may not run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hitrate import Cache, ServerPermissionError, ServerResponseError
from hitrate.cli.doctor.facts import Facts, is_about_key, text
from hitrate.cli.doctor.finding import Finding, info, ok, problem

READ = "return redis.call('GET', KEYS[1])"
NO_DIGEST = "0" * 40
MINUTE_MS = 60_000
ONLY_THESE = "only what stands in parentheses does without"


@dataclass(frozen=True)
class Need:
    """
    A command, and who sends it.

    Attributes:
        command: name and arguments; ``KEY`` stands for a key of the examination's own, ``ABSENT`` for one that
            nobody has: should deleting be forbidden, `KEY` must still expire.
        used_by: verbs of `hitrate.Cache`.
        is_optional: whether a site runs well without it.
        is_harmless: whether it can be tried by running it.
    """

    command: tuple[str | int, ...]
    used_by: str
    is_optional: bool = False
    is_harmless: bool = True

    @property
    def name(self) -> str:
        """Name of the command, in capitals."""
        return str(self.command[0])


# In an order in which each finds what it needs, and the last removes the key. INCRBY, DEL and those of ranges and of
# the time run inside of scripts.
NEEDS = (
    Need(("SET", "KEY", "1", "PX", MINUTE_MS), "set, add, set_many, lock"),
    Need(("GET", "KEY"), "get, incr, lock"),
    Need(("MGET", "KEY"), "get_many, cached answers with tags"),
    Need(("GETRANGE", "KEY", 0, 0), "cached answers"),
    Need(("SETRANGE", "KEY", 0, "1"), "cached answers"),
    Need(("TIME",), "cached answers"),
    Need(("EXISTS", "KEY"), "has, touch, incr"),
    Need(("PERSIST", "ABSENT"), "touch and persist"),
    Need(("PEXPIRE", "KEY", MINUTE_MS), "touch, expire, lock"),
    Need(("PEXPIREAT", "ABSENT", 4_102_444_800_000), "expire_at"),
    Need(("PTTL", "KEY"), "ttl, pttl, cached answers"),
    Need(("INCRBY", "KEY", 1), "incr, decr"),
    Need(("EVALSHA", NO_DIGEST, 1, "KEY"), "incr, decr, lock, cached answers"),
    Need(("EVAL", READ, 1, "KEY"), "incr, decr, lock, cached answers"),
    Need(("SCAN", 0, "COUNT", 1), "keys, delete_pattern, clear"),
    Need(("DEL", "KEY"), "lock"),
    Need(("UNLINK", "KEY"), "delete, delete_many, delete_pattern, clear"),
    Need(("PING",), "the breaker", is_optional=True),
    Need(("RENAME", "KEY", "KEY"), "incr_version of Django", is_optional=True, is_harmless=False),
    Need(("INFO", "server"), "server_info, doctor", is_optional=True),
    Need(("DBSIZE",), "server_info, doctor", is_optional=True),
    Need(("FLUSHDB", "ASYNC"), "clear(flush=True)", is_optional=True, is_harmless=False),
)


NEEDED = tuple(need for need in NEEDS if not need.is_optional)


class Answer(Enum):
    """What the server says about a command."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    KEY_FORBIDDEN = "key forbidden"
    ABSENT = "absent"
    UNKNOWN = "unknown"


Judge = Callable[[Need], Answer]


def check_commands(cache: Cache, facts: Facts, key: str) -> Iterator[Finding]:
    """
    Find out by ``ACL DRYRUN`` where there is one and this user may run it, else by running what is harmless.

    Args:
        cache: whose user is looked at.
        facts: what is known of the server.
        key: full name of a key that belongs to the examination alone.
    """
    if facts.target.is_embedded:
        return
    user = facts.user or facts.target.username or "default"
    dry = _dry_run(cache, user, key)
    is_dry = dry(NEEDS[0]) is not Answer.UNKNOWN
    judge = dry if is_dry else _real_run(cache, key)
    answers = {need: judge(need) for need in NEEDS}
    by = "by ACL DRYRUN" if is_dry else "by running them"
    if Answer.KEY_FORBIDDEN in answers.values():
        yield _forbidden_keys(cache, user, by)
    required = [need for need in NEEDED if answers[need] is Answer.FORBIDDEN]
    if required:
        yield problem(
            "access.commands",
            f"user '{user}' may not run {_listed(required)} (tried {by})",
            {"user": user, "forbidden": [need.name for need in required]},
            why="these verbs fail for this user",
            advice=grant(user, required),
        )
    else:
        known = [need for need in NEEDED if answers[need] in (Answer.ALLOWED, Answer.KEY_FORBIDDEN)]
        found = f"user '{user}' may run {len(known)} of the {len(NEEDED)} commands that hitrate needs (tried {by})"
        yield ok("access.commands", found, {"user": user, "forbidden": []})
    absent = [need for need, answer in answers.items() if answer is Answer.ABSENT]
    if absent:
        yield _absent(absent)
    optional = [need for need, answer in answers.items() if need.is_optional and answer is Answer.FORBIDDEN]
    if optional:
        found = f"user '{user}' may not run {_listed(optional)}"
        value = {"user": user, "forbidden": [need.name for need in optional]}
        yield info("access.optional", found, value, why=ONLY_THESE, advice=grant(user, optional))


def _forbidden_keys(cache: Cache, user: str, by: str) -> Finding:
    # A prefix may hold what a pattern would take for more than itself.
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", cache.make_key("")) + "*"
    return problem(
        "access.keys",
        f"user '{user}' may not touch keys like '{pattern}' (tried {by})",
        {"user": user, "pattern": pattern},
        why="every read and write of this cache is refused",
        advice=f"ACL SETUSER {user} {_quoted(f'~{pattern}')}; or set the prefix that this user was given",
    )


def _absent(needs: list[Need]) -> Finding:
    """Commands that the server does not have, for anybody."""
    found = f"the server has no {_listed(needs)}"
    value = [need.name for need in needs]
    if all(need.is_optional for need in needs):
        return info("access.absent", found, value, why=ONLY_THESE)
    advice = "remove their rename-command from the server's configuration, and take them from users by ACL instead"
    return problem("access.absent", found, value, why="these verbs fail", advice=advice)


def _listed(needs: list[Need]) -> str:
    return "; ".join(f"{need.name} ({need.used_by})" for need in needs)


def grant(user: str, needs: list[Need]) -> str:
    """Say how a user gets commands."""
    return f"ACL SETUSER {user} {' '.join(f'+{need.name.lower()}' for need in needs)}"


def _dry_run(cache: Cache, user: str, key: str) -> Judge:
    def judge(need: Need) -> Answer:
        try:
            reply = cache.execute("ACL", "DRYRUN", user, *_with_key(need, key))
        except ServerPermissionError:
            return Answer.UNKNOWN
        except ServerResponseError as error:
            return Answer.ABSENT if f"Command '{need.name}' not found" in str(error) else Answer.UNKNOWN
        return Answer.ALLOWED if reply == "OK" else _refusal(text(reply))

    return judge


def _real_run(cache: Cache, key: str) -> Judge:
    def judge(need: Need) -> Answer:
        if not need.is_harmless:
            return Answer.UNKNOWN
        try:
            cache.execute(*_with_key(need, key))
        except ServerPermissionError as error:
            return _refusal(str(error))
        except ServerResponseError as error:
            # Allowed, and refused for another reason: no such script, say. Or taken away from everybody.
            return Answer.ABSENT if "unknown command" in str(error).lower() else Answer.ALLOWED
        return Answer.ALLOWED

    return judge


def _refusal(said: str) -> Answer:
    return Answer.KEY_FORBIDDEN if is_about_key(said) else Answer.FORBIDDEN


def _quoted(word: str) -> str:
    """A word as redis-cli reads it."""
    return json.dumps(word, ensure_ascii=False) if re.search(r"[\s\"'\\]", word) else word


def _with_key(need: Need, key: str) -> list[Any]:
    keys = {"KEY": key, "ABSENT": f"{key}-absent"}
    return [keys.get(str(part), part) for part in need.command]
