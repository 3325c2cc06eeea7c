"""What a stored value is, told from its bytes without running anything they say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# First bytes of what holds another form, and what it is; of signed values see src/codec/sign.rs.
WRAPPED = {
    b"\xc1hs\x01": "signed",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x78\x01": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
# How what hitrate itself keeps begins; see src/codec/envelope.rs, where a byte behind this tells kinds apart.
ENVELOPE = b"\xc1he\x01"
KINDS = ("lease", "answer", "cached value")
# In keys that old code reads, as src/store/original.rs writes them: pickled, and in JSON.
OLD_CODE_LEASES = (b"\x80\x03C\x1ehitrate:lease:", b"null \t\t \t    \t\t \t  \t")
ENTRIES = ("answer", "cached value")
TAG = "hitrate:tag:"
FORGOTTEN = "hitrate:forgotten"
# What must be known of a value to name it, in bytes from its beginning.
HEAD_BYTES = 67
# The forms that can be read without running or unpacking anything; and those of them that cannot be anything else.
READ = ("integer", "json", "text", "bytes")
CERTAIN = ("integer", "json")
PICKLE_ENDS = b"."
LONGEST_INTEGER = 20


@dataclass(frozen=True)
class Stored:
    """
    A stored value.

    Attributes:
        form: ``"integer"``, ``"json"``, ``"pickle"``, ``"text"``, ``"bytes"``, ``"signed"``, or the name of a
            compressor; of what hitrate itself keeps what `own_kind` says.
        size_bytes: as the server has it.
        value: what was read; None where nothing was.
        is_read: whether anything was: pickles, compressed and signed values are not, here.
    """

    form: str
    size_bytes: int
    value: Any
    is_read: bool


def describe(stored: bytes) -> Stored:
    """Tell what a value is. Nothing is unpickled, and nothing unpacked."""
    form, value = _read(stored)
    return Stored(form, len(stored), value, is_read=form in READ)


def own_kind(key: str, head: bytes) -> str | None:
    """
    Tell what hitrate itself keeps at a key; None: nothing of its own.

    Args:
        key: without prefix.
        head: the first bytes of what is stored, 67 or all.

    Returns:
        ``"answer"`` or ``"cached value"``: an entry. ``"lease"``: somebody computes one. ``"tag record"``: what tells
        whether a tag was forgotten. ``"record of deletions"``: when something was forgotten by key or pattern.
        ``"unknown entry"``: of a later version.
    """
    if key.startswith(TAG):
        return "tag record"
    if key == FORGOTTEN:
        return "record of deletions"
    if head.startswith(OLD_CODE_LEASES):
        return "lease"
    if len(head) < HEAD_BYTES or not head.startswith(ENVELOPE):
        return None
    kind = head[len(ENVELOPE)]
    return KINDS[kind] if kind < len(KINDS) else "unknown entry"


def _read(stored: bytes) -> tuple[str, Any]:
    for magic, name in WRAPPED.items():
        if stored.startswith(magic):
            return name, None
    # Protocols 2 and up say so in their first two bytes; 0 and 1 do not, and are not told from text.
    if len(stored) > 2 and stored[0] == 0x80 and stored[1] in range(2, 6) and stored.endswith(PICKLE_ENDS):
        return "pickle", None
    try:
        text = stored.decode("utf-8")
    except UnicodeDecodeError:
        # zlib's level 5 begins with "x^", as a text may.
        return ("zlib", None) if stored.startswith(b"x^") else ("bytes", stored)
    if text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= LONGEST_INTEGER:
        return "integer", int(text)
    try:
        return "json", json.loads(text)
    except (ValueError, RecursionError):
        return "text", text
