"""Events forget after the commit, once, and nothing after a rollback: with sessions of SQLAlchemy, on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ForeignKey, create_engine, text
from sqlalchemy import event as events
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import CacheManager, DataEvent, EventPublisher, EventType
from hitrate.testing import Endpoint, Server
from tests.faults.conftest import eventually, until
from tests.with_asgi.dashboard.conftest import MakeManager, hang_up, put, raw

KPIS = dashboard.make_cache_key("dashboard_kpis", "t", days=30)


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]


class Review(Base):
    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/shop.sqlite3")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(text("INSERT INTO product VALUES (1, 10), (2, 20)"))
    yield engine
    await engine.dispose()


@pytest.fixture
async def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False)


@pytest.fixture
def publisher(manager: CacheManager) -> EventPublisher:
    found = EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, found)
    return found


def of_product(number: int, kind: EventType = EventType.PRICE_UPDATED, tenant: str = "t") -> DataEvent:
    return DataEvent(kind, tenant, "product", str(number))


async def change(session: AsyncSession, publisher: EventPublisher, price: int, times: int = 1) -> None:
    product = await session.get_one(Product, 1)
    for step in range(times):
        product.price = price + step
        await session.flush()
        await publisher.publish(of_product(1), session)


async def test_an_event_forgets_after_the_commit_and_not_before(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await put(manager, KPIS, 1)
    async with sessions() as session:
        await change(session, publisher, 11)
        assert await dashboard.get_cached(KPIS) == 1
        await session.commit()
        assert await dashboard.get_cached(KPIS) is None


@pytest.mark.parametrize("turns", range(1, 9))
async def test_who_hangs_up_takes_no_event_back(manager: CacheManager, publisher: EventPublisher, turns: int) -> None:
    await put(manager, KPIS, 1)
    await hang_up(publisher.publish(of_product(1)), turns)

    async def is_forgotten() -> bool:
        return await raw(manager, KPIS) is None

    await eventually(is_forgotten, "the event is told to its end")


@pytest.mark.parametrize("moment", ["commit", "after_commit"])
async def test_who_hangs_up_in_a_commit_takes_no_event_back(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession], moment: str
) -> None:
    other = EventPublisher()

    def hang_up(_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        # It is told so where it waits next: for the database's answer to COMMIT, or for the connection to be reset.
        task.cancel()

    async def request() -> None:
        async with sessions() as session:
            await change(session, other, 30)
            await change(session, publisher, 31)
            connection = (await session.connection()).sync_connection
            events.listen(connection if moment == "commit" else session.sync_session, moment, hang_up)
            await session.commit()

    await put(manager, KPIS, 1)
    (cancelled,) = await asyncio.gather(asyncio.create_task(request()), return_exceptions=True)
    assert isinstance(cancelled, asyncio.CancelledError)

    async def is_told() -> bool:
        return await raw(manager, KPIS) is None and len(other.get_event_history()) == 1

    await eventually(is_told, "the events of the commit are told")
    async with sessions() as session:
        assert (await session.get_one(Product, 1)).price == 31


async def test_a_commit_that_fails_before_it_is_sent_tells_nobody(
    publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as session:
        await change(session, publisher, 11)
        session.add(Product(id=2, price=1))
        with pytest.raises(IntegrityError):
            await session.commit()
    assert publisher.get_event_history() == []


async def test_a_rollback_forgets_nothing(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await put(manager, KPIS, 1)
    async with sessions() as session:
        await change(session, publisher, 11)
        await session.rollback()
        # What comes next in the same session has nothing to do with it.
        await session.get_one(Product, 2)
        await session.commit()
    async with sessions() as session:
        await change(session, publisher, 12)
        # Closed without a commit.
    assert await dashboard.get_cached(KPIS) == 1
    assert publisher.get_event_history() == []


async def test_what_a_savepoint_took_back_did_not_happen(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as session, session.begin():
        await publisher.publish(of_product(1), session)
        nested = await session.begin_nested()
        await publisher.publish(of_product(2), session)
        await nested.rollback()
        async with session.begin_nested():
            await publisher.publish(of_product(3), session)
            async with session.begin_nested():
                await publisher.publish(of_product(4), session)
        outer = await session.begin_nested()
        async with session.begin_nested():
            await publisher.publish(of_product(5), session)
        await outer.rollback()
    assert [event.entity_id for event in publisher.get_event_history()] == ["1", "3", "4"]


async def test_a_commit_without_events_tells_nobody(
    publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as session:
        await change(session, publisher, 11)
        await session.commit()
        (await session.get_one(Product, 2)).price = 21
        await session.commit()
    assert len(publisher.get_event_history()) == 1


async def test_a_sync_session_waits_too(
    manager: CacheManager, publisher: EventPublisher, engine: AsyncEngine, tmp_path: Path
) -> None:
    def work() -> None:
        own = create_engine(f"sqlite:///{tmp_path}/shop.sqlite3")
        with Session(own) as session:
            session.get_one(Product, 1).price = 15
            asyncio.run(publisher.publish(of_product(1), session))
            session.commit()
        own.dispose()

    await put(manager, KPIS, 1)
    await asyncio.to_thread(work)
    assert await dashboard.get_cached(KPIS) is None


async def test_scoped_sessions_are_the_session_of_their_scope(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession], tmp_path: Path
) -> None:
    scoped = async_scoped_session(sessions, scopefunc=asyncio.current_task)
    (await scoped.get_one(Product, 1)).price = 11
    await put(manager, KPIS, 1)
    await publisher.publish(of_product(1), scoped)
    assert await dashboard.get_cached(KPIS) == 1
    await scoped.commit()
    assert await dashboard.get_cached(KPIS) is None
    await scoped.get_one(Product, 2)
    await publisher.publish(of_product(2), scoped)
    await scoped.rollback()
    await scoped.remove()

    def work() -> None:
        own = create_engine(f"sqlite:///{tmp_path}/shop.sqlite3")
        registry = scoped_session(sessionmaker(own))
        registry.get_one(Product, 1).price = 12
        asyncio.run(publisher.publish(of_product(3), registry))
        registry.commit()
        registry.remove()
        own.dispose()

    await put(manager, KPIS, 1)
    await asyncio.to_thread(work)
    assert await raw(manager, KPIS) is None
    assert [event.entity_id for event in publisher.get_event_history()] == ["1", "3"]


def commit_in_a_sync_session(publisher: EventPublisher, database: Path) -> Coroutine[Any, Any, None]:
    async def work() -> None:
        own = create_engine(f"sqlite:///{database}")
        with Session(own) as session:
            session.get_one(Product, 1).price = 16
            await publisher.publish(of_product(1, EventType.PRODUCT_UPDATED), session)
            session.commit()
        own.dispose()

    return work()


async def test_what_a_sync_session_changed_in_a_running_loop_is_a_miss_at_once(
    manager: CacheManager, publisher: EventPublisher, engine: AsyncEngine, tmp_path: Path
) -> None:
    await put(manager, KPIS, 1)
    await put(manager, "dashboard_kpis:u", 1)
    await commit_in_a_sync_session(publisher, tmp_path / "shop.sqlite3")
    assert await dashboard.get_cached(KPIS) is None
    assert await dashboard.get_cached("dashboard_kpis:u") == 1

    async def is_forgotten() -> bool:
        return await raw(manager, KPIS) is None

    await eventually(is_forgotten, "it is forgotten for others, too")


def test_a_loop_that_ends_with_the_commit_of_a_sync_session_takes_no_event_back(
    server: Endpoint, prefix: str, url: str, tmp_path: Path
) -> None:
    manager, publisher = CacheManager(url, prefix=prefix), EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, publisher)
    own = create_engine(f"sqlite:///{tmp_path}/shop.sqlite3")
    Base.metadata.create_all(own)
    with own.begin() as connection:
        connection.execute(text("INSERT INTO product VALUES (1, 10)"))
    own.dispose()
    asyncio.run(put(manager, KPIS, 1))
    asyncio.run(commit_in_a_sync_session(publisher, tmp_path / "shop.sqlite3"))
    assert asyncio.run(manager.get(key=KPIS)) is None
    until(lambda: asyncio.run(raw(manager, KPIS)) is None, "it is forgotten for others, too")


async def test_a_session_without_a_transaction_is_told_at_once(
    publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as session:
        await publisher.publish(of_product(1), session)
        assert len(publisher.get_event_history()) == 1


async def test_a_hundred_changes_of_one_commit_are_forgotten_in_one_walk(
    make_manager: MakeManager, own_server: Server, sessions: async_sessionmaker[AsyncSession]
) -> None:
    manager, publisher = make_manager(own_server.url), EventPublisher()
    subscriber = dashboard.CacheInvalidationSubscriber(manager, publisher)
    for key in (KPIS, "pricing:t:1", "price_history:t:1:30", "pricing:t:2", "forecast:t:1:30"):
        await put(manager, key, 1)

    def calls() -> dict[str, int]:
        info = own_server.execute("INFO", "commandstats").decode()
        stats = [line.partition(":") for line in info.splitlines() if line.startswith("cmdstat_")]
        return {
            name.removeprefix("cmdstat_"): int(rest.split(",")[0].removeprefix("calls=")) for name, _, rest in stats
        }

    async with sessions() as session:
        await change(session, publisher, 11, times=100)
        before = calls()
        await session.commit()
    sent = {
        name: count - before.get(name, 0)
        for name, count in calls().items()
        if name in {"scan", "unlink", "del", "keys"}
    }
    assert sent == {"scan": 1, "unlink": 1} | dict.fromkeys(sent.keys() - {"scan", "unlink"}, 0)
    (entry,) = subscriber.get_invalidation_log()
    assert entry["total_keys_invalidated"] == 3
    assert await manager.cache.akeys() == ["forecast:t:1:30", "pricing:t:2"] or sorted(await manager.cache.akeys()) == [
        "forecast:t:1:30",
        "pricing:t:2",
    ]


async def test_what_was_read_before_the_commit_is_not_stored_after_it(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    has_read, may_store = asyncio.Event(), asyncio.Event()

    async def endpoint() -> tuple[int, bool]:
        assert await dashboard.get_cached(KPIS) is None
        async with sessions() as session:
            price = (await session.get_one(Product, 1)).price
        has_read.set()
        await may_store.wait()
        return price, await dashboard.set_cached(KPIS, price, ttl=300)

    request = asyncio.create_task(endpoint())
    await has_read.wait()
    async with sessions() as session:
        await change(session, publisher, 99)
        await session.commit()
    may_store.set()
    assert await request == (10, False)
    assert await dashboard.get_cached(KPIS) is None


async def test_no_reader_keeps_an_old_price_while_writers_write(
    manager: CacheManager, publisher: EventPublisher, sessions: async_sessionmaker[AsyncSession]
) -> None:
    committed, problems, is_over = [10], [], asyncio.Event()

    async def read() -> None:
        while not is_over.is_set():
            # A store in this process never waits, and would let nobody else run.
            await asyncio.sleep(0)
            least = committed[-1]
            price = await dashboard.get_cached(KPIS)
            if price is None:
                async with sessions() as session:
                    price = (await session.get_one(Product, 1)).price
                await asyncio.sleep(0)
                await dashboard.set_cached(KPIS, price, ttl=300)
            if price < least:
                problems.append((price, least))

    async def write() -> None:
        for price in range(11, 91):
            async with sessions() as session:
                await change(session, publisher, price)
                await session.commit()
            committed.append(price)
        is_over.set()

    await asyncio.gather(write(), *(read() for _ in range(6)))
    assert problems == []
    assert await dashboard.get_cached(KPIS) in {None, 90}


async def test_a_subscriber_that_raises_keeps_nothing_from_the_others(
    manager: CacheManager, publisher: EventPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[DataEvent] = []

    async def failing(event: DataEvent) -> None:
        raise LookupError("no such thing")

    async def listening(event: DataEvent) -> None:
        told.append(event)

    publisher.subscribe(EventType.PRICE_UPDATED, failing)
    publisher.subscribe(EventType.PRICE_UPDATED, listening)
    publisher.subscribe(EventType.REVIEW_CREATED, failing)
    await put(manager, KPIS, 1)
    event = of_product(1)
    await publisher.publish(event)
    assert told == [event]
    assert await dashboard.get_cached(KPIS) is None
    assert "a subscriber of events failed: no such thing" in caplog.messages


async def test_a_review_of_nobody_knows_which_product_forgets_those_of_all(
    manager: CacheManager, publisher: EventPublisher
) -> None:
    for key in ("sentiment:t:1", "sentiment:t:2:30d", "sentiment:u:1", "pricing:t:1"):
        await put(manager, key, 1)
    await publisher.publish(DataEvent(EventType.REVIEW_CREATED, "t", "review", "4711"))
    assert sorted(await manager.cache.akeys()) == ["pricing:t:1", "sentiment:u:1"]


async def test_log_and_statistics_have_the_original_s_shape(manager: CacheManager) -> None:
    publisher = EventPublisher()
    subscriber = dashboard.CacheInvalidationSubscriber(manager, publisher)
    assert subscriber.get_invalidation_stats()["average_keys_per_event"] == 0
    for key in ("pricing:t:1", "forecast:t:1:30", "forecast:t:1:7"):
        await put(manager, key, 1)
    await publisher.publish(of_product(1, EventType.PRODUCT_UPDATED))
    await publisher.publish(of_product(1, EventType.PRICE_UPDATED, "u"))
    (entry,) = subscriber.get_invalidation_log(tenant_id="t")
    assert entry | {"timestamp": ""} == {
        "timestamp": "",
        "event_type": "product_updated",
        "tenant_id": "t",
        "entity_type": "product",
        "entity_id": "1",
        "invalidated_caches": [
            {"cache_type": "pricing", "pattern": "pricing:t:1:*", "count": 1},
            {"cache_type": "forecast", "pattern": "forecast:t:1:*", "count": 2},
        ],
        "total_keys_invalidated": 3,
    }
    assert subscriber.get_invalidation_stats() == {
        "total_invalidation_events": 2,
        "total_keys_invalidated": 3,
        "by_event_type": {"product_updated": 1, "price_updated": 1},
        "average_keys_per_event": 1.5,
    }
    assert len(publisher.get_event_history(EventType.PRICE_UPDATED)) == 1


async def test_the_history_is_bounded(publisher: EventPublisher) -> None:
    await publisher.deliver([of_product(number) for number in range(1500)])
    assert len(publisher.get_event_history(limit=5000)) == 1000


async def test_the_process_s_bus_clears_the_manager_it_is_given(manager: CacheManager, request: Any) -> None:
    first = dashboard.initialize_cache_invalidation(manager)
    assert dashboard.initialize_cache_invalidation(manager) is first is dashboard.get_cache_subscriber()
    await put(manager, KPIS, 1)
    await dashboard.get_event_publisher().publish(of_product(1))
    assert await dashboard.get_cached(KPIS) is None
