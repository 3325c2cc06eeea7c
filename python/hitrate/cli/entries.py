"""What hitrate itself keeps, for people: entries, leases, and the records of tags."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from hitrate import Cache
from hitrate._native import Entry
from hitrate.cli.output import Output
from hitrate.cli.values import ENTRIES, TAG, describe

# Characters of a body that are shown.
SHOWN = 500


def look_into(cache: Cache, key: str, kind: str, stored: bytes) -> dict[str, Any] | None:
    """
    Tell what is in something of our own. Runs nothing that is in it.

    Args:
        cache: with the keys by which it may be signed.
        key: without prefix.
        kind: as `hitrate.cli.values.own_kind` says.
        stored: its bytes.

    Returns:
        What to show, by name; None: an entry that cannot be opened.
    """
    if kind in ENTRIES:
        entry = cache._peek(key)  # noqa: SLF001 (for us)
        return None if entry is None else _entry(cache, key, entry)
    if kind == "lease":
        return {"expires_in": cache.ttl(key)}
    version, _, moment = stored.decode("ascii", "replace").partition(":")
    named = {"tag": key.removeprefix(TAG)} if key.startswith(TAG) else {}
    return {**named, "version": version, "since": _when(float(moment) / 1000) if moment.isdecimal() else None}


def _entry(cache: Cache, key: str, entry: Entry) -> dict[str, Any]:
    times = {"age": entry.age, "fresh_for": entry.fresh_for, "expires_in": entry.expires_in}
    found: dict[str, Any] = {
        **{name: round(seconds, 3) for name, seconds in times.items()},
        "stored_at": _when(entry.stored_at),
        "tags": list(entry.tags),
        # What depends on a tag that was forgotten since stays until it expires, and is served to nobody.
        "is_current": cache._entry(key, entry.tags) is not None if entry.status else None,  # noqa: SLF001 (for us)
    }
    if not entry.status:
        return {**found, "value_form": describe(entry.body).form, "value_bytes": len(entry.body)}
    body = entry.body.decode("utf-8", "backslashreplace")
    return {
        "status": entry.status,
        **found,
        "etag": entry.etag,
        "headers": [list(pair) for pair in entry.headers],
        "body_bytes": len(entry.body),
        "body": body[:SHOWN],
        "is_cut": len(body) > SHOWN,
    }


def write(found: dict[str, Any], output: Output) -> None:
    """Write what `look_into` found as lines of text."""
    for name, value in found.items():
        if name == "headers":
            for header, text in value:
                output.line(f"  {header}: {text}")
        elif name == "body":
            output.line(value + (" ..." if found["is_cut"] else ""))
        elif name not in {"is_cut", "etag"} and value is not None:
            output.line(f"  {name.replace('_', ' '):<11} {_readable(name, value)}")


def _readable(name: str, value: Any) -> str:
    if name in {"age", "fresh_for", "expires_in"}:
        return f"{value:,.1f} s" if value > 0 or name == "age" else "no longer"
    if name == "is_current":
        return "yes" if value else "no: it expired, or one of its tags was forgotten"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value:,}" if isinstance(value, int) and name != "status" else str(value)


def _when(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        # Whoever wrote this, it was not hitrate.
        return None
