"""The connections of one client in one event loop."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hitrate.aio.connection import Connection
from hitrate.aio.dialing import DeadlineError, Dialer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from weakref import finalize

    from hitrate._native import Pending

# Seconds; some loops count no smaller pieces of time.
_TICK = 0.001
_DAY = 86_400.0
# Seconds until the next attempt after a connection was refused while another one serves; doubled each time, up to a
# second or half the time that a call has.
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 1.0


class Pool:
    """
    The connections of one client in one event loop.

    One connection serves all calls that are short. Another is opened when that has no room (a long reply is on its
    way, or the server does not take any more), and one for each call that wants it for itself.

    Args:
        loop: the event loop.
        pending: the first call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, pending: Pending) -> None:
        target = pending.target
        self._loop = loop
        self._process = os.getpid()
        self._dialer = Dialer(target)
        self._max: int = target["max_connections"]
        self._timeout: float = target["timeout"]
        self._idle_timeout: float = target["idle_timeout"]
        self._lines: list[Connection] = []
        self._retired: set[Connection] = set()
        self._opening: set[Connection] = set()
        self._shared: deque[Pending] = deque()
        self._exclusive: deque[Pending] = deque()
        # When a call found no place for another connection.
        self._full_at = float("-inf")
        # How long to wait after an attempt that failed; 0: the last one did not.
        self._pause = 0.0
        self._pausing: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._end: AsyncGenerator[None, None] | None = None
        self.closing: finalize[..., Any] | None = None

    def place(self, pending: Pending) -> None:
        """Send a call as soon as there is a way."""
        if self._end is None:
            self._begin()
        if self._send(pending):
            return
        (self._exclusive if pending.is_exclusive else self._shared).append(pending)
        self._set_timer(pending.left)
        self._open_more(pending)
        self._watch()

    def changed(self, line: Connection) -> None:
        """Take notice of what was answered on a line, or that it has room again."""
        if line.is_retired:
            if line.is_deserted:
                line.close()
            return
        if line.is_taken and line.is_idle:
            line.reserve(False)
            if line.is_being_emptied:
                # What it was emptied for comes first now, and last after it: so both kinds have their turn.
                line.is_being_emptied = False
                self._serve(self._exclusive, self._shared)
                return
        self._serve(self._shared, self._exclusive)

    def retire(self, line: Connection, *, moving: bool = False) -> None:
        """
        Give a line no more calls, and close it when nobody waits for it any more.

        Args:
            line: that is given up.
            moving: whether reads that have time left are sent again elsewhere.
        """
        line.retire()
        if line in self._lines:
            self._lines.remove(line)
            self._retired.add(line)
        for pending in line.waiting() if moving else ():
            # With less there would be no time for a new connection; the reply may come yet.
            if not pending.is_over() and pending.left > self._timeout / 2 and pending.may_move(late=True):
                line.disown(pending)
                self.place(pending)
        if line.is_deserted:
            line.close()

    def renew(self) -> None:
        """Give up all lines: those that are idle at once, each other when its last reply has come."""
        for line in list(self._lines) if self._is_ours else ():
            self.retire(line)

    def lost(self, line: Connection) -> None:
        """Look after the calls of a line that was closed."""
        self._retired.discard(line)
        was_in_use = line in self._lines
        if was_in_use:
            self._lines.remove(line)
        for pending in line.abandon():
            if pending.is_over():
                continue
            if line.has_served and pending.may_move(late=False):
                self.place(pending)
            else:
                pending.fail(None, line.cause)
        if was_in_use:
            # Whatever closed this one closed the others too.
            for other in [other for other in self._lines if other.is_idle]:
                self.retire(other)
        self._serve(self._shared, self._exclusive)

    def _send(self, pending: Pending) -> bool:
        for line in list(self._lines):
            if line.is_stale:
                self.retire(line)
            elif line.has_room and (line.is_idle or not pending.is_exclusive):
                if pending.is_exclusive:
                    line.reserve(True)
                else:
                    pending.prefer(line)
                line.send(pending)
                return True
        return False

    def _serve(self, *queues: deque[Pending]) -> None:
        """Send what waits, as far as there is room."""
        for queue in queues:
            while queue and (queue[0].is_over() or self._send(queue[0])):
                queue.popleft()
        if self._shared or self._exclusive:
            self._open_more((self._shared or self._exclusive)[0])
        self._watch()

    def _watch(self) -> None:
        """Hear of answers only while somebody waits for room."""
        is_waited_for = bool(self._shared or self._exclusive)
        for line in self._lines:
            line.watch(is_waited_for)
        if self._exclusive and self._lines and self._is_full and not any(line.is_taken for line in self._lines):
            # It would never be idle by itself.
            self._lines[-1].reserve(True)
            self._lines[-1].is_being_emptied = True

    @property
    def _is_full(self) -> bool:
        return len(self._lines) + len(self._retired) + len(self._opening) >= self._max

    def _open_more(self, pending: Pending) -> None:
        wanted = len(self._exclusive) + bool(self._shared)
        if self._pause and self._lines:
            # A server that is full turns each attempt down at once, and a line that serves may have room before.
            wanted = min(wanted, self._pausing is None)
        if len(self._opening) < wanted and self._is_full:
            self._full_at = self._loop.time()
        while len(self._opening) < wanted and not self._is_full:
            connection = Connection(self._loop, pending, self)
            self._opening.add(connection)
            connection.opening = self._loop.create_task(self._open(connection, pending))

    async def _open(self, connection: Connection, pending: Pending) -> None:
        fail: Callable[[Pending], None] | None = _because("the event loop ended")
        try:
            fail = await self._greet(connection, pending)
            if fail is None:
                self._lines.append(connection)
                self._resume()
                self._plan_sweep()
        except DeadlineError:
            # Each call has a deadline of its own; who came later has time for another try.
            fail = None
        except (OSError, UnicodeError) as error:
            # `ssl.SSLError` is an OSError, a host name that is none a UnicodeError. Neither text holds a password.
            fail = _because(str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (a call raises it)
            fail = _raising(error)
        finally:
            self._opening.discard(connection)
            connection.opening = None
            if connection not in self._lines:
                connection.close()
                self._wait_a_little()
            # Where there is another line, or will be, that may serve them yet.
            if fail is not None and not self._lines and not self._opening:
                self._fail_waiting(fail)
            self._serve(self._shared, self._exclusive)

    def _wait_a_little(self) -> None:
        """Open no more connections for a while: the last attempt failed."""
        if self._pausing is None:
            longest = min(_LONGEST_PAUSE, self._timeout / 2)
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE), longest)
            self._pausing = self._loop.call_later(max(self._pause, _TICK), self._try_again)

    def _try_again(self) -> None:
        self._pausing = None
        self._serve(self._shared, self._exclusive)

    def _resume(self) -> None:
        self._pause = 0.0
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    async def _greet(self, connection: Connection, pending: Pending) -> Callable[[Pending], None] | None:
        """Connect and greet the server; returns how calls fail if that refused."""
        give_up = self._loop.time() + self._timeout
        await self._dialer.open(connection, self._timeout)
        if connection.is_retired:
            # A server that is full says so before it is asked, and closes.
            raise ConnectionResetError(connection.cause)
        if pending.reached(connection, *connection.peer):
            # As after a failover: what the others lead to may be out of date.
            self.renew()
        connection.stage = "greeting"
        over = self._loop.create_future()
        greeting = pending.greeting(over, max(0.0, give_up - self._loop.time()))
        connection.send(greeting)
        await over
        if not greeting.is_refused:
            connection.greeted()
            return None
        if self._loop.time() >= give_up:
            raise DeadlineError
        return lambda call: call.adopt(greeting)

    def _fail_waiting(self, fail: Callable[[Pending], None]) -> None:
        for queue in (self._shared, self._exclusive):
            while queue:
                pending = queue.popleft()
                if not pending.is_over():
                    fail(pending)

    def _set_timer(self, left: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + left:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(max(left, _TICK), self._expire)

    def _expire(self) -> None:
        """Fail the calls whose deadlines passed before there was a way for them."""
        self._timer = None
        stage = self._stage()
        for queue in (self._shared, self._exclusive):
            for _ in range(len(queue)):
                pending = queue.popleft()
                if pending.is_over():
                    continue
                if pending.left > 0:
                    queue.append(pending)
                    self._set_timer(pending.left)
                else:
                    pending.fail(stage, "")
        self._watch()

    def _stage(self) -> str:
        """What calls wait for that have no line."""
        line = next(iter(self._opening), None)
        if line is None:
            return "slot" if self._is_full else "connect"
        # Begun when a place became free, with too little time left for any server: it is not that which took the time.
        waited = self._full_at > line.begun_at - self._timeout
        is_late = waited and self._loop.time() - line.begun_at < self._timeout / 2
        return "slot" if is_late else line.stage

    def _plan_sweep(self) -> None:
        if self._sweeping is None and len(self._lines) > 1:
            self._sweeping = self._loop.call_later(min(self._idle_timeout, _DAY) + _TICK, self._sweep)

    def _sweep(self) -> None:
        """Close what nobody used for long: a lone line is looked at when it is used, the others only here."""
        self._sweeping = None
        for line in list(self._lines):
            if line.is_stale:
                self.retire(line)
        self._plan_sweep()

    def _begin(self) -> None:
        self._end = self._until_loop_ends()
        # Its first step makes it known to the loop; it waits for nothing.
        with suppress(StopIteration):
            self._end.__anext__().__await__().send(None)

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        """Close the connections when the event loop ends its asynchronous generators, before it is closed."""
        try:
            yield
        finally:
            if self._is_ours:
                await self._settled()
                self._give_up()
                # What `abort` has begun is done in the next turn of the loop.
                await asyncio.sleep(0)

    async def _settled(self) -> None:
        """
        Wait for replies that somebody waits for, as long as for one.

        A lease that is asked for, or given back, would stand on the server for nobody; the second command of a script
        that the server did not know would never be sent.
        """
        give_up, is_quiet = self._loop.time() + self._timeout, False
        while self._loop.time() < give_up:
            was_quiet, is_quiet = is_quiet, all(line.is_deserted for line in (*self._lines, *self._retired))
            if was_quiet and is_quiet:
                return
            # A turn for those whom a reply has woken.
            await asyncio.sleep(0 if is_quiet else _TICK)

    def let_go(self) -> None:
        """Have nothing closed when the client is gone."""
        if self.closing is not None:
            self.closing.detach()

    def _give_up(self) -> None:
        self._end = None
        self.let_go()
        for timer in (self._timer, self._sweeping, self._pausing):
            if timer is not None:
                timer.cancel()
        self._timer = self._sweeping = self._pausing = None
        fail = _because("the event loop ended")
        for line in [*self._lines, *self._retired]:
            for pending in line.abandon():
                # A deletion that may not have reached the server is written down.
                fail(pending)
            self.retire(line)
        self._fail_waiting(fail)

    @property
    def _is_ours(self) -> bool:
        """Whether this is not a forked child, whose sockets and selector are its parent's."""
        return self._process == os.getpid()


def _because(cause: str) -> Callable[[Pending], None]:
    return lambda pending: pending.fail(None, cause)


def _raising(error: Exception) -> Callable[[Pending], None]:
    return lambda pending: pending.refuse(error)
