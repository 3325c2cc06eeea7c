"""
Rate limits under everything: crowds, servers that are killed, hung, flushed, full or of another time, and forks.

``HITRATE_HITS=200000`` makes the crowds as large as `make soak` does.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerError
from hitrate.testing import Server
from tests.faults import limit_crew
from tests.faults.conftest import ROOT, MakeCache, frozen, run_python, set_clock, until
from tests.faults.limit_crew import Hit, Plan
from tests.faults.wall_clock import WallClock
from tests.integration.conftest import Verbs
from tests.integration.limit_models import MODELS, Once

ALGORITHMS = pytest.mark.parametrize("algorithm", MODELS)
PROCESSES, THREADS = 4, 4
HOUR = 3600


def hits_in_all() -> int:
    return int(os.environ.get("HITRATE_HITS") or 8000)


def limit_for(algorithm: str, window: float = HOUR) -> hitrate.Limit:
    return hitrate.Limit(1 if algorithm == "once" else 3, window, name="test")


def run_crews(plan: Plan) -> list[Hit]:
    """Run the plan in several processes at once, each with other chances."""
    crews = []
    for number in range(PROCESSES):
        own = Plan(**{**json.loads(plan.to_json()), "seed": plan.seed + number})
        command = [sys.executable, "-m", "tests.faults.limit_crew", own.to_json()]
        crews.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    outputs = [crew.communicate(timeout=3000)[0] for crew in crews]
    assert [crew.returncode for crew in crews] == [0] * PROCESSES
    return [Hit(*hit) for output in outputs for hit in json.loads(output)]


def check_against_model(plan: Plan, hits: list[Hit]) -> int:
    """Let a model decide the same calls in the order of the server's clock; return how many were allowed."""
    models: dict[int, Any] = {}
    allowed = 0
    # The server runs one script at a time. Should two have the same time, the one that left more was first.
    for hit in sorted(hits, key=lambda hit: (hit.at, -hit.remaining)):
        model = models.setdefault(hit.subject, MODELS[plan.algorithm](plan.count, int(plan.window * 1e6)))
        if isinstance(model, Once) and model.doubtful(hit.at):
            model.taken_at = hit.at if hit.allowed else model.taken_at
        else:
            answer = model.hit(hit.at, hit.cost)
            assert (hit.allowed, hit.remaining) == (answer.allowed, answer.remaining), (hit, answer)
        allowed += hit.allowed
    return allowed


@ALGORITHMS
@pytest.mark.parametrize("together", ["threads", "processes"])
def test_a_crowd_is_let_in_exactly_as_the_model_says(
    own_server: Server, prefix: str, algorithm: str, together: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    members = PROCESSES * THREADS
    in_one = members if together == "threads" else THREADS
    count = 1 if algorithm == "once" else 20
    plan = Plan(own_server.url, prefix, algorithm, count, 0.1, 5, in_one, hits_in_all() // members, seed, local=False)
    hits = limit_crew.run(plan) if together == "threads" else run_crews(plan)
    assert len(hits) >= hits_in_all() - members
    allowed = check_against_model(plan, hits)
    assert 0 < allowed < len(hits)


def test_refusals_from_memory_let_in_as_many_as_the_server_would(own_server: Server, prefix: str) -> None:
    plan = Plan(own_server.url, prefix, "sliding_log", 20, 0.1, 5, THREADS, hits_in_all() // THREADS, 1, local=True)
    hits = limit_crew.run(plan)
    log: dict[int, list[int]] = {}
    for hit in sorted(hits):
        if hit.allowed:
            spent = [at for at in log.get(hit.subject, []) if at > hit.at - 100_000]
            log[hit.subject] = spent + [hit.at] * hit.cost
            assert len(log[hit.subject]) <= 20
    assert sum(hit.allowed for hit in hits) > 100


def test_who_is_refused_from_memory_is_let_in_when_the_server_would_let_him_in(own_server: Server) -> None:
    cache = hitrate.Cache(own_server.url, prefix="local")
    limiter = hitrate.RateLimiter(cache, hitrate.Limit(1, 0.5), "fixed_window", on_error="raise", max_staleness=60)
    # Between a look at the clock and the call, which a busy machine may hold up.
    leeway = 0.2
    for _ in range(4):
        while not (decision := limiter.hit("a")).allowed:
            pass
        before, asked_at = cache.stats()["round_trips"], time.monotonic()
        refused = limiter.hit("a")
        while time.monotonic() < asked_at + refused.retry_after - leeway:
            again = limiter.hit("a")
            assert not again.allowed
            assert again.retry_after <= refused.retry_after
        assert cache.stats()["round_trips"] == before + 1
        assert decision.limit == refused.limit == 1
        time.sleep(leeway + 0.02)
        assert limiter.hit("a").allowed
    stats = limiter.stats()["limits"]["1/0.5s"]
    assert stats["refused"] > stats["refused_locally"] > stats["allowed"]
    cache.close()


def test_a_refusal_from_memory_is_asked_again_after_a_while_and_not_for_others(own_server: Server) -> None:
    cache = hitrate.Cache(own_server.url, prefix="asks")
    limiter = hitrate.RateLimiter(cache, "3/hour", "gcra", max_staleness=0.05)
    other = hitrate.RateLimiter(cache, "3/hour", "gcra", max_staleness=0.05)
    limiter.hit("a", 3)
    assert not limiter.hit("a", 2).allowed
    before = cache.stats()["round_trips"]
    assert not limiter.hit("a", 2).allowed
    assert cache.stats()["round_trips"] == before
    assert not limiter.hit("a", 1).allowed  # a smaller call might fit
    assert limiter.hit("b").allowed
    assert cache.stats()["round_trips"] == before + 2
    # Somebody forgets what was counted: the others hear of it when they ask again.
    assert other.reset("a")
    until(lambda: limiter.hit("a", 2).allowed, "the refusal from memory ended")
    limiter.hit("a")
    assert not limiter.hit("a").allowed
    assert limiter.reset("a")
    assert limiter.hit("a").allowed
    cache.close()


def test_a_refusal_from_memory_is_not_for_a_call_that_costs_more(own_server: Server) -> None:
    limiter = hitrate.RateLimiter(hitrate.Cache(own_server.url, prefix="costs"), "3/hour", "gcra")
    assert limiter.hit("a", 3).allowed
    waits = [limiter.hit("a", cost).retry_after for cost in (1, 2, 4)]
    assert 0 < waits[0] <= 1200 < waits[1] <= 2400
    assert waits[2] == float("inf")


class Outage:
    """A server that can be hurt, a limiter on it, and what was logged."""

    def __init__(self, server: Server, cache: hitrate.Cache, caplog: pytest.LogCaptureFixture) -> None:
        self.server, self.cache, self.caplog = server, cache, caplog

    def limiter(self, limits: Any, algorithm: Any = "sliding_window", **options: Any) -> hitrate.RateLimiter:
        return hitrate.RateLimiter(self.cache, limits, algorithm, **{"max_staleness": 0, **options})

    def lines(self) -> list[str]:
        return [r.getMessage() for r in self.caplog.records if r.getMessage().startswith("rate limits")]

    @contextmanager
    def away(self, how: str) -> Iterator[None]:
        if how == "hung":
            with frozen(self.server):
                yield
        else:
            self.server.kill()
            yield
            self.server.restart()


@pytest.fixture
def outage(own_server: Server, missing_cache: MakeCache, caplog: pytest.LogCaptureFixture) -> Outage:
    caplog.set_level(logging.WARNING, "hitrate")
    return Outage(own_server, missing_cache(timeout=0.2), caplog)


async def until_counted(limiter: hitrate.RateLimiter, verbs: Verbs) -> None:
    """Let the server count a hit of "a": a busy machine may miss the deadline of the first calls, which connect."""
    counted_here = None
    while counted_here != (counted_here := limiter.stats()["limits"].get("test", {}).get("without_server", 0)):
        await verbs.reset("a")
        assert (await verbs.hit("a")).allowed


AWAY = pytest.mark.parametrize("how", ["killed", "hung"])
STYLES = pytest.mark.parametrize("twins", [False, True], ids=["sync", "async"])


@ALGORITHMS
@AWAY
@STYLES
async def test_each_process_counts_for_itself_while_the_server_is_away(
    outage: Outage, algorithm: str, how: str, twins: bool
) -> None:
    limiter = outage.limiter(limit_for(algorithm), algorithm)
    verbs = Verbs(limiter, twins=twins)
    limit = limit_for(algorithm).count
    assert (await verbs.hit("a")).allowed
    with outage.away(how):
        for name in ("a", "b"):
            decided = [(await verbs.hit(name)).allowed for _ in range(limit + 3)]
            assert decided == [True] * limit + [False] * 3
        assert (await verbs.peek("b")).remaining == 0
        assert (await verbs.peek("c")).remaining == limit
        assert await verbs.reset("b") is False
        assert (await verbs.hit("b")).allowed
        assert limiter.stats()["memory"]["entries"] >= 2
    until(lambda: outage.cache.stats()["breaker"]["state"] == "closed", "the breaker is closed")
    counted = limiter.stats()["limits"]["test"]["without_server"]
    # What was counted here is not added there. A hung server goes on where it was, with the one call that it had
    # received; a killed one begins anew.
    assert (await verbs.peek("a")).remaining == (max(limit - 2, 0) if how == "hung" else limit)
    assert (await verbs.peek("b")).remaining == limit
    assert limiter.stats()["limits"]["test"]["without_server"] == counted >= 2 * (limit + 3)


@AWAY
def test_an_outage_is_one_line_and_its_end_another(outage: Outage, how: str) -> None:
    limiter = outage.limiter("1000/hour")
    limiter.hit("a")
    assert outage.lines() == []
    with outage.away(how):
        for _ in range(50):
            limiter.hit("a")
        (line,) = outage.lines()
        assert "each process counts for itself" in line
        assert str(outage.server.port) in line

    def is_back() -> bool:
        limiter.hit("a")
        return len(outage.lines()) > 1

    until(is_back, "the end of the outage is said")
    assert "again" in outage.lines()[1]
    for _ in range(20):
        limiter.hit("a")
    assert len(outage.lines()) == 2


@AWAY
def test_other_policies_let_everybody_in_or_nobody_or_raise(outage: Outage, how: str) -> None:
    limiters = {policy: outage.limiter("3/hour", on_error=policy) for policy in ("allow", "deny", "raise")}
    with outage.away(how):
        for _ in range(10):
            allowed = limiters["allow"].hit("a", 2)
            assert (allowed.allowed, allowed.remaining, allowed.retry_after, allowed.violated) == (True, 3, 0, ())
            denied = limiters["deny"].hit("a")
            assert (denied.allowed, denied.remaining, denied.violated) == (False, 0, ("3/hour",))
            assert 0 < denied.retry_after <= 1
            with pytest.raises(ServerError):
                limiters["raise"].hit("a")
            with pytest.raises(ServerError):
                limiters["raise"].peek("a")
    assert {
        policy for policy in ("every call is allowed", "every call is refused") if policy in outage.caplog.text
    } == {
        "every call is allowed",
        "every call is refused",
    }


def test_workers_share_what_each_counts_for_itself(outage: Outage) -> None:
    limiter = outage.limiter(["10/hour", hitrate.Limit("20/day", burst=8)], "fixed_window", workers=4)
    with outage.away("killed"):
        assert [limiter.hit("a").allowed for _ in range(4)] == [True, True, False, False]
        assert [standing.limit for standing in limiter.peek("a").limits] == [2, 2]
    until(lambda: outage.cache.stats()["breaker"]["state"] == "closed", "the breaker is closed")
    until(lambda: limiter.peek("a").limit == 8, "the server decides again")


def test_what_is_counted_here_is_bounded_and_who_keeps_trying_is_not_forgotten(outage: Outage) -> None:
    limiter = outage.limiter("5/hour", "fixed_window", max_bytes=64 << 10)
    with outage.away("killed"):
        limiter.hit("attacker", 5)
        entries = []
        for number in range(5000):
            assert limiter.hit(f"somebody:{number}").allowed
            assert not limiter.hit("attacker").allowed
            entries.append(limiter.stats()["memory"]["entries"])
        usage = limiter.stats()["memory"]
    assert usage["bytes"] <= usage["max_bytes"] == 64 << 10
    assert usage["evicted"] > 4000
    # Never wiped whole.
    assert min(entries[1000:]) > 100


@STYLES
async def test_nothing_raises_while_the_server_is_killed_hung_flushed_and_restarted(
    outage: Outage, seconds: float, twins: bool
) -> None:
    limit = 50
    limiter = outage.limiter(hitrate.Limit(limit, 3600, name="a"), "sliding_log", max_staleness=1)
    stop, allowed, failures = threading.Event(), [0] * 4, []

    def hit(number: int) -> None:
        import asyncio

        async def many() -> None:
            verbs = Verbs(limiter, twins=twins)
            while not stop.is_set():
                allowed[number] += (await verbs.hit("a")).allowed

        try:
            asyncio.run(many())
        except BaseException as failure:  # noqa: BLE001 (told by the main thread)
            failures.append(failure)

    threads = [threading.Thread(target=hit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    rounds, give_up = 0, time.monotonic() + seconds
    while time.monotonic() < give_up:
        rounds += 1
        with outage.away(("hung", "killed")[rounds % 2]):
            until(lambda: outage.cache.stats()["breaker"]["state"] == "open", "the breaker is open")
        until(lambda: outage.cache.stats()["breaker"]["state"] == "closed", "the breaker is closed")
        outage.server.execute("FLUSHALL")
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    # Each time that the server lost its counts allows the limit once more, and what this process counted once in all.
    assert limit <= sum(allowed) <= limit * (2 + 2 * rounds)


@ALGORITHMS
def test_counters_that_are_evicted_begin_anew_and_raise_nothing(
    own_server: Server, missing_cache: MakeCache, algorithm: str
) -> None:
    own_server.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    limiter = hitrate.RateLimiter(missing_cache(), limit_for(algorithm), algorithm, max_staleness=0, on_error="raise")
    used = own_server.info("memory")["used_memory"]
    own_server.execute("CONFIG", "SET", "maxmemory", str(int(used) + 300_000))
    for number in range(3000):
        assert limiter.hit(f"somebody:{number}").allowed
    assert int(own_server.info("stats")["evicted_keys"]) > 100


def test_a_full_server_that_evicts_nothing_is_an_outage(outage: Outage) -> None:
    limiter = outage.limiter("3/hour", "gcra")
    limiter.hit("a")
    outage.server.execute("CONFIG", "SET", "maxmemory", "1")
    assert [limiter.hit("a").allowed for _ in range(5)] == [True] * 3 + [False] * 2
    outage.server.execute("CONFIG", "SET", "maxmemory", "0")
    assert limiter.hit("a").remaining == 1
    assert len(outage.lines()) == 1


@ALGORITHMS
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
def test_a_servers_clock_that_is_set_locks_nobody_out_and_lets_nobody_in_for_ever(
    jumping_server: Server, clock: WallClock, make_cache: MakeCache, algorithm: str, jump: int
) -> None:
    minute = 60
    limit = limit_for(algorithm, minute)
    limiter = hitrate.RateLimiter(make_cache(jumping_server.url, timeout=5), limit, algorithm, max_staleness=0)

    def fill() -> int:
        found = 0
        while limiter.hit("a").allowed:
            found += 1
        return found

    assert fill() == limit.count
    set_clock(jumping_server, clock, jump)
    let_in = fill()
    assert let_in <= limit.count
    refused = limiter.hit("a")
    assert refused.retry_after <= (2 * minute if algorithm == "sliding_window" else minute)
    for quarter in range(1, 9):
        set_clock(jumping_server, clock, jump + quarter * minute // 4)
        let_in += fill()
    assert limit.count <= let_in <= 3 * limit.count + 1


def test_a_forked_child_has_no_refusals_and_counts_on_the_same_server(own_server: Server) -> None:
    program = """
import os, sys
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix="fork")
limiter = hitrate.RateLimiter(cache, "4/hour", "fixed_window", max_staleness=60)
limiter.hit("a", 3)
assert not limiter.hit("a", 2).allowed and limiter.stats()["refusals"] == 1
child = os.fork()
if child == 0:
    ok = limiter.stats()["refusals"] == 0 and limiter.stats()["limits"]["4/hour"]["refused"] == 0
    ok = ok and not limiter.hit("a", 2).allowed and limiter.hit("a").allowed and limiter.hit("b").allowed
    os._exit(0 if ok else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert not limiter.hit("a").allowed and limiter.hit("b").remaining == 2
"""
    done = run_python(program, own_server.url)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_signal_and_a_cancelled_task_leave_the_limiter_usable(
    own_server: Server, make_cache: Callable[..., Any]
) -> None:
    import asyncio

    limiter = hitrate.RateLimiter(make_cache(own_server.url, timeout=5), "1000/hour", max_staleness=0)

    async def cancelled() -> None:
        for _ in range(100):
            task = asyncio.ensure_future(limiter.ahit("a"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert (await limiter.ahit("b")).remaining == 999

    asyncio.run(cancelled())
    assert limiter.hit("b").remaining == 998
    assert limiter.peek("a").remaining >= 899
