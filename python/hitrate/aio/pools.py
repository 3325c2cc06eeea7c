"""Which pool serves a client in an event loop, of which there may be several, one after the other or at once."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary, finalize, ref

from hitrate.aio.pool import Pool

if TYPE_CHECKING:
    from hitrate._native import Owner, Pending

_Pools: TypeAlias = "WeakKeyDictionary[Owner, Pool]"

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, _Pools]] = WeakKeyDictionary()
"""Per event loop, and of this process: a forked child must not use the sockets it inherited."""


def place(loop: asyncio.AbstractEventLoop, pending: Pending) -> None:
    """
    Send a call that found no line with room for it.

    Args:
        loop: the running event loop.
        pending: the call.
    """
    pools, owner = _pools_of(loop), pending.owner
    pool = pools.get(owner)
    if pool is None:
        pool = pools[owner] = Pool(loop, pending)
        # The event loop holds on to open connections; with the client gone nobody else would ever close them.
        pool.closing = finalize(owner, _close_in, ref(loop), pool)
        pool.closing.atexit = False
    pool.place(pending)


def close_idle(owner: Owner) -> None:
    """
    Close the idle connections of a client in the running event loop, and each other when its last reply has come.

    Args:
        owner: of the client.
    """
    pool = _pools_of(asyncio.get_running_loop()).get(owner)
    if pool is not None:
        pool.renew()


def _pools_of(loop: asyncio.AbstractEventLoop) -> _Pools:
    process = os.getpid()
    owner, pools = _pools.get(loop, (0, None))
    if pools is None or owner != process:
        # Open connections hold on to their loop, even if it was closed without a word to them.
        # Other threads begin loops at the same time, so the list is made in one step, and each loop is let go of once.
        for other in [other for of in _pools.keyrefs() if (other := of()) is not None and other.is_closed()]:
            _, closed = _pools.pop(other, (process, None))
            for pool in () if closed is None else closed.values():
                pool.let_go()
        pools = WeakKeyDictionary()
        _pools[loop] = (process, pools)
    return pools


def _close_in(loop_of: ref[asyncio.AbstractEventLoop], pool: Pool) -> None:
    loop = loop_of()
    if loop is not None and not loop.is_closed():
        # The last reference may go in any thread.
        loop.call_soon_threadsafe(pool.renew)
