"""
Random interleavings of everything that happens to leases: what a fill may store, against a model and under threads.

Each failure says its seed.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass

import pytest

import hitrate
from hitrate._native import Entry, Lease
from hitrate.testing import Server
from tests.faults.conftest import MakeCache

KEYS = ("k1", "k2", "k3")
TAGS = {"k1": (), "k2": ("a",), "k3": ("a", "b")}
FAR = 1000.0


@pytest.fixture(params=["server", "memory"])
def cache(request: pytest.FixtureRequest, own_server: Server, make_cache: MakeCache, prefix: str) -> hitrate.Cache:
    """A cache on a server, or on an embedded store."""
    return make_cache(own_server.url if request.param == "server" else f"memory://{prefix}", timeout=60)


@dataclass
class Slot:
    """
    What stands at one key, as the model knows it.

    Attributes:
        value: what readers get.
        is_stale: whether that is stale.
        holder: the lease whose token stands there.
        is_outdated: a tag was forgotten since: nobody gets the value, nor may the holder fill it.
    """

    value: int | None = None
    is_stale: bool = False
    holder: Lease | None = None
    is_outdated: bool = False


class Run:
    """Random steps of one thread on a cache, each compared with what a model of the store says."""

    def __init__(self, cache: hitrate.Cache, seed: int) -> None:
        self.cache = cache
        self.chance = random.Random(seed)
        self.slots = {key: Slot() for key in KEYS}
        self.held: list[tuple[str, Lease]] = []
        self.began: dict[Lease, float] = {}
        self.forgotten: dict[str, float] = {}
        self.older = 0
        self.seen: dict[str, Entry] = {}
        self.last: deque[str] = deque(maxlen=25)
        self.number = 0

    def step(self) -> None:
        verbs = [self.read, self.lease, self.fill, self.fill_older, self.release, self.forget, self.delete]
        verbs += [self.lease, self.fill]
        (verb,) = self.chance.choices((*verbs, self.flush, self.rest), (*[10] * len(verbs), 1, 8))
        verb()

    def read(self) -> None:
        key = self.chance.choice(KEYS)
        self.last.append(f"read {key}")
        slot, entry = self.slots[key], self.cache._entry(key, TAGS[key])
        assert (entry and entry.value) == slot.value
        if entry is not None:
            assert (entry.fresh_for <= 0) is slot.is_stale
            self.seen[key] = entry

    def lease(self) -> None:
        key = self.chance.choice(KEYS)
        slot = self.slots[key]
        seen = self.seen.get(key) if self.chance.random() < 0.5 else None
        self.last.append(f"lease {key}, having seen {seen and seen.value}")
        found = self.cache._lease(key, FAR, TAGS[key], seen=seen)
        knows = seen is not None and seen.value == slot.value
        if slot.value is not None and not knows:
            assert isinstance(found, Entry)
            assert found.value == slot.value
        elif slot.holder is not None and not slot.is_outdated:
            assert isinstance(found, float)
            assert 0 < found <= FAR
        else:
            assert isinstance(found, Lease)
            slot.holder, slot.is_outdated = found, False
            self.held.append((key, found))
            self.began[found] = time.time()

    def drawn(self) -> tuple[str, Lease] | None:
        """A lease to do something with; it may be used again later."""
        return self.chance.choice(self.held[-10:]) if self.held else None

    def fill(self) -> None:
        if (drawn := self.drawn()) is None:
            return
        (key, lease), is_stale = drawn, self.chance.random() < 0.5
        self.number += 1
        self.last.append(f"fill {key} with {self.number}")
        slot = self.slots[key]
        stored = self.cache._fill_value(lease, self.number, fresh=0 if is_stale else FAR, lifetime=2 * FAR)
        assert stored is (slot.holder is lease and not slot.is_outdated)
        if stored:
            self.slots[key] = Slot(self.number, is_stale)
        elif slot.holder is lease:
            slot.holder = None

    def fill_older(self) -> None:
        """Fill with what was read so long before the lease that something may have been forgotten since."""
        if (drawn := self.drawn()) is None:
            return
        (key, lease), older_by = drawn, self.chance.choice([0.0005, 0.001, 0.002])
        self.number += 1
        self.last.append(f"fill {key} with {self.number}, read {older_by} s earlier")
        slot = self.slots[key]
        stored = self.cache._fill_value(lease, self.number, fresh=FAR, lifetime=2 * FAR, older_by=older_by)
        if stored:
            assert slot.holder is lease
            assert not slot.is_outdated
            # Times of forgetting are noted before, those of leases afterwards: whatever is caught here is wrong.
            assert all(self.forgotten.get(tag, 0) < self.began[lease] - older_by for tag in TAGS[key])
            self.slots[key] = Slot(self.number)
            self.older += 1
        elif slot.holder is lease:
            slot.holder = None

    def release(self) -> None:
        if (drawn := self.drawn()) is None:
            return
        key, lease = drawn
        self.last.append(f"release {key}")
        slot = self.slots[key]
        assert self.cache._release(lease) is (slot.holder is lease)
        if slot.holder is lease:
            slot.holder = None

    def forget(self) -> None:
        tag = self.chance.choice("ab")
        self.last.append(f"forget {tag}")
        self.forgotten[tag] = time.time()
        if self.chance.random() < 0.8:
            assert self.cache._forget_tags([tag]) == 1
        else:
            self.cache.delete(f"hitrate:tag:{tag}")  # an eviction, say
        for key, slot in self.slots.items():
            if tag in TAGS[key]:
                slot.value, slot.is_outdated = None, True

    def delete(self) -> None:
        key = self.chance.choice(KEYS)
        how = self.chance.choice(["DEL", "PEXPIRE", "pattern"])
        self.last.append(f"{how} {key}")
        if how == "pattern":
            self.cache.delete_pattern(f"*{key[1]}")
        else:
            self.cache.execute(how, self.cache.make_key(key), *([-1] if how == "PEXPIRE" else []))
        self.slots[key] = Slot()

    def rest(self) -> None:
        """Let so much time pass that what was forgotten is older than what `fill_older` may have read."""
        self.last.append("rest")
        time.sleep(0.003)

    def flush(self) -> None:
        self.last.append("flush")
        self.cache.clear()
        self.slots = {key: Slot() for key in KEYS}


@pytest.mark.parametrize("seed", range(4))
def test_each_step_does_what_the_model_does(cache: hitrate.Cache, seconds: float, seed: int) -> None:
    run = Run(cache, seed)
    try:
        for _ in range(int(4000 * seconds / 3)):
            run.step()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {[*run.last]}") from error
    assert run.older > 0


class Site:
    """
    Threads that read and change one row behind a cache.

    A change is committed, then its entries are forgotten; a read that begins after that must not see less. `floors`
    holds, for each key, the newest change whose forgetting has ended.
    """

    def __init__(self, cache: hitrate.Cache, seed: int, seconds: float) -> None:
        self.cache = cache
        self.seed = seed
        self.until = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.committed = dict.fromkeys(KEYS, 0)
        self.floors = dict.fromkeys(KEYS, 0)
        self.wrong: list[str] = []
        self.hits = 0
        self.changes = 0

    def pause(self, chance: random.Random) -> None:
        time.sleep(chance.choice([0, 0, 0, 0.0005, 0.003]))

    def forget(self, key: str, chance: random.Random) -> None:
        how = chance.choice(["tag", "DEL", "pattern", "PEXPIRE"] if TAGS[key] else ["DEL", "pattern", "PEXPIRE"])
        if how == "tag":
            self.cache._forget_tags([chance.choice(TAGS[key])])
        elif how == "pattern":
            self.cache.delete_pattern(f"*{key[1]}")
        elif how == "PEXPIRE":
            self.cache.execute("PEXPIRE", self.cache.make_key(key), 0)
        else:
            self.cache.delete(key)

    def write(self, chance: random.Random) -> None:
        key = chance.choice(KEYS)
        with self.lock:
            self.committed[key] += 1
            change = self.committed[key]
        self.pause(chance)
        self.forget(key, chance)
        with self.lock:
            self.floors[key] = max(self.floors[key], change)
            self.changes += 1
        self.pause(chance)

    def read(self, chance: random.Random) -> None:
        key = chance.choice(KEYS)
        floor = self.floors[key]
        entry = self.cache._entry(key, TAGS[key])
        if entry is not None:
            self.hits += 1
            self.check(key, entry, floor)
        if entry is None or entry.fresh_for <= 0:
            self.compute(key, entry, chance)

    def check(self, key: str, entry: Entry, floor: int) -> None:
        if entry.value < floor:
            self.wrong.append(f"seed {self.seed}: {key} is {entry.value} and was changed to {floor} before")

    def compute(self, key: str, entry: Entry | None, chance: random.Random) -> None:
        floor = self.floors[key]
        lease = self.cache._lease(key, chance.choice([0.002, 10]), TAGS[key], seen=entry)
        if isinstance(lease, Entry):
            self.check(key, lease, floor)
        if not isinstance(lease, Lease):
            return
        value = self.committed[key]
        self.pause(chance)
        if chance.random() < 0.1:
            self.cache._release(lease)
        else:
            self.cache._fill_value(lease, value, fresh=chance.choice([0, 10]), lifetime=chance.choice([0.01, 10]))

    def work(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        while time.monotonic() < self.until and not self.wrong:
            (self.write if number % 3 == 0 else self.read)(chance)
            if number == 0 and chance.random() < 0.01:
                self.cache.clear()  # the records, too


def run_site(cache: hitrate.Cache, seed: int, seconds: float) -> Site:
    site = Site(cache, seed, seconds)
    threads = [threading.Thread(target=site.work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return site


def test_no_fill_survives_whose_lease_was_voided(cache: hitrate.Cache, seconds: float) -> None:
    site = run_site(cache, random.randrange(1_000_000), seconds)
    assert site.wrong == []
    assert site.hits > 100
    assert site.changes > 100
    stats = cache.stats()
    assert stats["fills"] > 50, stats
    assert stats["voided_fills"] > 10, stats


def test_the_test_finds_stale_fills_where_nothing_guards_them(
    cache: hitrate.Cache, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unguarded(self: Site, key: str, entry: Entry | None, chance: random.Random) -> None:
        value = self.committed[key]
        self.pause(chance)
        # As a plain cache does it: computed, then stored, under a lease that is taken at the last moment.
        if isinstance(lease := self.cache._lease(key, 10, TAGS[key], seen=entry), Lease):
            self.cache._fill_value(lease, value, fresh=10, lifetime=10)

    monkeypatch.setattr(Site, "compute", unguarded)
    assert run_site(cache, random.randrange(1_000_000), max(seconds, 3)).wrong != []
