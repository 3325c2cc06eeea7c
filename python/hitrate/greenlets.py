"""
Waiting in gevent's hub, so that other greenlets run.

The native client calls these functions instead of blocking once gevent has patched `socket`; `src/py/wait/hub.rs`
decides when. Whatever is thrown into a waiting greenlet (`gevent.Timeout`, `GreenletExit`, Ctrl-C) leaves them as it
is.
"""

from __future__ import annotations

import os
from typing import Any

from gevent import getcurrent, sleep
from gevent._hub_local import get_hub_if_exists
from gevent.hub import Hub, Waiter

from hitrate._native import Bell

__all__ = ["bell_of", "hub_to_wait_in", "park", "sleep", "wait"]

_READ = 1


def hub_to_wait_in() -> Hub | None:
    """
    Find the hub in which other greenlets could run while the caller waits.

    Returns:
        None where there are none: in a thread that has no hub, where blocking stops nobody else, and in the hub itself,
        which cannot wait for itself.
    """
    hub = get_hub_if_exists()
    return None if hub is getcurrent() else hub


# Who waits for a socket: the hub, and gevent's watcher of that socket.
_sockets: dict[Waiter[None], tuple[Hub, Any]] = {}


def wait(hub: Hub, socket: int, events: int, seconds: float) -> None:
    """
    Let other greenlets run until the socket is ready, or the time is over.

    Args:
        hub: of this thread.
        socket: its descriptor.
        events: 1 to read, 2 to write, 3 for either.
        seconds: at most.
    """
    waiter: Waiter[None] = Waiter(hub)
    ready = hub.loop.io(socket, events)
    late = hub.loop.timer(seconds)
    _sockets[waiter] = hub, ready
    try:
        ready.start(waiter.switch, None)
        late.start(waiter.switch, None)
        waiter.get()
    finally:
        # The loop would go on watching a descriptor that is about to be closed, and may be another file soon.
        ready.close()
        late.close()
        del _sockets[waiter]


class _Desk:
    """The bell of one hub, and who waits for it."""

    def __init__(self, hub: Hub) -> None:
        self.bell = Bell()
        self.waiting: dict[int, Waiter[None]] = {}
        # Without a reference, as gevent calls it: what keeps a hub running is who waits.
        self._ringing = hub.loop.io(self.bell.fileno(), _READ, ref=False)
        self._ringing.start(self._answer)

    def _answer(self) -> None:
        for number in self.bell.answer():
            waiter = self.waiting.get(number)
            if waiter is not None:
                waiter.switch(None)

    def close(self) -> None:
        self._ringing.close()


_desks: dict[Hub, _Desk] = {}


def bell_of(hub: Hub) -> Bell:
    """Return what wakes those who `park` in this hub; call `park` next."""
    desk = _desks.get(hub)
    if desk is None:
        desk = _desks[hub] = _Desk(hub)
    return desk.bell


def park(hub: Hub, number: int, seconds: float) -> None:
    """
    Let other greenlets run until the hub's bell is rung for this number, or the time is over.

    Args:
        hub: of this thread.
        number: given by `bell_of(hub)`.
        seconds: at most.
    """
    desk = _desks[hub]
    waiter: Waiter[None] = Waiter(hub)
    late = hub.loop.timer(seconds)
    desk.waiting[number] = waiter
    try:
        late.start(waiter.switch, None)
        waiter.get()
    finally:
        late.close()
        del desk.waiting[number]
        # No hub says when it ends, so nothing is kept open for one in which nobody waits.
        if not desk.waiting and _desks.get(hub) is desk:
            del _desks[hub]
            desk.close()


def _after_fork_in_child() -> None:
    """
    Stop watching what the child inherited, which is about to be closed: libev ends the process when it meets that.

    gevent lets greenlets live on in the child. Those that wait look again, and find that the process was forked.
    """
    hub = get_hub_if_exists()
    if hub is not None:
        waiters = [waiter for waiter, (its_hub, _) in _sockets.items() if its_hub is hub]
        for waiter in waiters:
            _sockets[waiter][1].close()
        if hub in _desks:
            waiters += _desks[hub].waiting.values()
            _desks[hub].close()
        for waiter in waiters:
            hub.loop.run_callback(waiter.switch, None)
    # The threads of the other hubs do not exist here.
    _desks.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
