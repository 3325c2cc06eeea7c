"""Entity tags (RFC 9110, sections 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib
import re

from hitrate.http.fields import MAX_CHARS

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_GAP = re.compile(r"[ \t,]*")


def content_etag(body: bytes, *, content_type: str | None = None, content_encoding: str | None = None) -> str:
    """
    The strong tag of an answer, from what a client receives: equal in every process, whenever the content is.

    128 bits of SHA-256: hash() differs per process, MD5 and BLAKE2 are missing where FIPS 140 is enforced, and
    whoever may write a part of the content must not be able to make two contents with one tag.

    Args:
        body: the content, encoded as it is sent.
        content_type: value of that header, or None.
        content_encoding: value of that header, or None.
    """
    digest = hashlib.sha256()
    for field in (content_type, content_encoding):
        text = (field or "").encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(text), text))
    digest.update(body)
    return f'"{digest.hexdigest()[:32]}"'


def opaque(tag: str) -> str | None:
    """What two tags are weakly compared by: the part between the quotes. None for what is no tag."""
    match = _TAG.fullmatch(tag.strip())
    return match[1] if match else None


def parse_tags(text: str) -> tuple[str, ...]:
    """
    Read a list of tags.

    Args:
        text: value of If-None-Match. Commas within quotes belong to the tag.

    Returns:
        The tags as they are written, ``W/`` included, or ``("*",)``. Members that are no tags are left out; of a field
        that is too long, all are: its sender gets the full answer.
    """
    if text.strip() == "*":
        return ("*",)
    found: list[str] = []
    at, end = 0, len(text) if len(text) <= MAX_CHARS else 0
    while at < end:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        tag = _TAG.match(text, at)
        comma = text.find(",", tag.end() if tag else at)
        following = end if comma < 0 else comma
        if tag and not text[tag.end() : following].strip():
            found.append(tag[0])
        at = following + 1
    return tuple(found)


def matches(text: str, tag: str) -> bool:
    """
    Whether a list names a tag, weak and strong ones being the same (RFC 9110, section 8.8.3.2).

    Args:
        text: value of If-None-Match.
        tag: of the answer at hand.
    """
    wanted, listed = opaque(tag), parse_tags(text)
    return wanted is not None and (listed == ("*",) or any(opaque(one) == wanted for one in listed))
