"""
The async driver: connections of event loops, on which the native operations run.

No thread and no runtime of our own: the event loop that runs the caller waits for the socket, whatever loop that is.
The calls themselves are in Rust, and so is what every failure means: nothing here runs for a call on an open
connection.
"""

from __future__ import annotations

from hitrate.aio.embedded import work
from hitrate.aio.pools import close_idle, place

__all__ = ["close_idle", "place", "work"]
