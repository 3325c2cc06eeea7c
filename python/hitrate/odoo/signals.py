"""
The ORM's own cache beside ours: a worker hears that what it holds there is old when its next request begins.

Odoo signals a changed `ormcache` after the hooks of the commit, and another worker looks at signals at the begin of a
request. What it computes between may be made of what no longer holds, and would be kept for others.
"""

from __future__ import annotations

import inspect
from typing import Any


def signal_caches(registry: Any) -> None:
    """
    Tell other workers now which caches of the ORM this thread has emptied; Odoo will tell them once more.

    That is as it must be: another transaction of this thread may be open, which emptied them too, and without its
    signal, others would fill theirs with what it is about to change, for good. A changed registry is left to Odoo.
    """
    if not registry.ready or registry.registry_invalidated or not registry.cache_invalidated:
        return
    # Odoo empties the set once it has signalled.
    emptied = set(registry.cache_invalidated)
    registry.signal_changes()
    registry.cache_invalidated.update(emptied)


def hears_signals(registry: Any, cr: Any) -> bool:
    """
    Empty those caches of the ORM that other workers have signalled, as far as a cursor sees.

    Returns:
        False: another worker has changed the registry itself, which this one will load with its next request; what it
        computes until then is of old code.
    """
    loaded, caches = registry.get_sequences(cr)
    if loaded != registry.registry_sequence:
        return False
    if caches != registry.cache_sequences:
        # Before Odoo 18 it opens a cursor of its own.
        takes_cursor = "cr" in inspect.signature(registry.check_signaling).parameters
        registry.check_signaling(*[cr] if takes_cursor else ())
    return True
