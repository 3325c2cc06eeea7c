"""Tags of entries, and loaders that read an older state."""

from __future__ import annotations

from hitrate._native import Entry
from tests.integration.entries import Entries, MakeEntries

ON_EVERY_STORE = True


async def test_tags_are_a_set(entries: Entries) -> None:
    entry = await entries.filled(tags=("b", "a", "b"))
    assert entry.tags == ("a", "b")
    assert isinstance(await entries.entry("k", ["b", "a"]), Entry)
    assert isinstance(await entries.entry("k", {"a", "b"}), Entry)
    for other in ((), ("a",), ("a", "b", "c"), ("a", "c")):
        assert await entries.entry("k", other) is None, other
    assert entries.cache.stats()["errors"]["decode"] == 0


async def test_forgetting_a_tag_forgets_its_entries_and_no_others(entries: Entries) -> None:
    await entries.filled("k1", ("product:1", "list"))
    await entries.filled("k2", ("product:2", "list"))
    await entries.filled("k3")
    assert await entries.forget_tags(["product:1"]) == 1
    assert await entries.entry("k1", ("product:1", "list")) is None
    assert isinstance(await entries.entry("k2", ("product:2", "list")), Entry)
    assert await entries.forget_tags(["list", "unknown", "list"]) == 2
    assert await entries.entry("k2", ("product:2", "list")) is None
    assert isinstance(await entries.entry("k3"), Entry)
    assert await entries.forget_tags([]) == 0
    # What is outdated is computed anew at once.
    assert await entries.fill(await entries.leased("k1", 60, ("list", "product:1")), b"new") is True
    assert (await entries.entry("k1", ("product:1", "list"))).body == b"new"


async def test_forgetting_a_tag_voids_the_leases_that_depend_on_it(entries: Entries) -> None:
    lease = await entries.leased("k", 60, ("a", "b"))
    await entries.forget_tags(["b"])
    # Its holder works with what was; so the next one does not wait for it.
    following = await entries.leased("k", 60, ("a", "b"))
    assert await entries.fill(lease) is False
    assert await entries.fill(following) is True


async def test_a_fill_that_is_refused_gives_the_lease_back(entries: Entries) -> None:
    stale = await entries.filled(tags=("a",), fresh=0)
    lease = await entries.leased("k", 60, ("a",), seen=stale)
    other = await entries.leased("other", 60, ("a",))
    await entries.forget_tags(["a"])
    assert await entries.fill(lease) is False
    assert await entries.fill(other) is False
    assert await entries.release(lease) is False
    assert entries.cache.has("other") is False
    assert entries.cache.stats()["voided_fills"] == 2


async def test_a_lost_record_loses_entries_and_revives_none(entries: Entries) -> None:
    await entries.filled(tags=("a",))
    record = entries.cache.make_key("hitrate:tag:a")
    before = entries.cache.execute("GET", record)
    entries.cache.execute("DEL", record)
    assert await entries.entry("k", ("a",)) is None
    lease = await entries.leased("k", 60, ("a",))
    assert entries.cache.execute("GET", record) != before
    entries.cache.execute("DEL", record)
    assert await entries.fill(lease) is False
    # One that somebody wrote over is as good as lost.
    entries.cache.execute("SET", record, "nonsense")
    assert await entries.fill(await entries.leased("k", 60, ("a",))) is True
    assert isinstance(await entries.entry("k", ("a",)), Entry)


async def test_a_record_outlives_what_depends_on_it(entries: Entries) -> None:
    def left() -> int:
        found = entries.cache.pttl("hitrate:tag:a")
        assert found is not None
        return found // 1000

    lease = await entries.leased("k", 60, ("a",))
    assert 3600 + 50 < left() <= 3600 + 60
    await entries.fill(lease, lifetime=10_000)
    assert 3600 + 9990 < left() <= 3600 + 10_000
    await entries.leased("other", 60, ("a",))
    assert await entries.forget_tags(["a"]) == 1
    assert left() > 3600 + 9990  # never lowered


async def test_forgetting_a_tag_that_nothing_depends_on_leaves_nothing_behind(entries: Entries) -> None:
    assert await entries.forget_tags(["a"]) == 1
    assert entries.cache.keys() == []


class TestLoadersOfAnOlderState:
    """Of a replica that lags, or of a transaction that began earlier."""

    async def test_a_fill_must_prove_that_nothing_was_forgotten_since(self, entries: Entries) -> None:
        # Nobody knows what was forgotten before the records were made.
        assert await entries.fill(await entries.leased("k", 60, ("a",)), older_by=30) is False
        await entries.grow_old()
        assert await entries.fill(await entries.leased("k", 60, ("a",)), older_by=30) is True
        await entries.forget_tags(["a"])
        assert await entries.fill(await entries.leased("k", 60, ("a",)), older_by=30) is False
        assert await entries.fill(await entries.leased("k", 60, ("a",))) is True
        assert entries.cache.stats()["voided_fills"] == 2

    async def test_what_was_deleted_by_key_or_pattern_counts_when_it_was_noted(self, entries: Entries) -> None:
        await entries.fill(await entries.leased(), older_by=30)
        await entries.grow_old()
        assert await entries.fill(await entries.leased(), older_by=30) is True
        assert await entries.note_forgotten() is None
        entries.cache.delete("k")
        assert await entries.fill(await entries.leased(), older_by=30) is False
        await entries.grow_old()
        assert await entries.fill(await entries.leased(), older_by=30) is True

    async def test_a_lost_note_refuses_once_more(self, entries: Entries) -> None:
        await entries.fill(await entries.leased(), older_by=30)
        await entries.grow_old()
        entries.cache.delete("hitrate:forgotten")
        assert await entries.fill(await entries.leased(), older_by=30) is False
        await entries.grow_old()
        assert await entries.fill(await entries.leased(), older_by=30) is True


async def test_versions_are_apart(make_entries: MakeEntries) -> None:
    entries = make_entries(layout="django", version=1)
    for version in (1, 2):
        lease = await entries.leased("k", 60, ("a",), version)
        assert await entries.fill(lease, b"%d" % version) is True
    await entries.forget_tags(["a"], 2)
    assert (await entries.entry("k", ("a",))).body == b"1"
    assert await entries.entry("k", ("a",), 2) is None
    await entries.note_forgotten(2)


async def test_a_key_function_spells_records_too(make_entries: MakeEntries, prefix: str) -> None:
    entries = make_entries(key_function=lambda key, pre, version: f"{pre}/{version}/{key}", layout="django")
    await entries.filled(tags=("a",))
    assert entries.cache.execute("EXISTS", f"{prefix}/1/hitrate:tag:a") == 1
    await entries.forget_tags(["a"])
    assert await entries.entry("k", ("a",)) is None


async def test_many_tags_are_forgotten_in_lots(entries: Entries) -> None:
    await entries.filled("k", ("t1999",))
    assert await entries.forget_tags([f"t{number}" for number in range(2000)]) == 2000
    assert await entries.entry("k", ("t1999",)) is None
