"""
Text from outside as a part of a key: no part can forge another one, nor a pattern, and none is long.

An escaped part consists of letters, digits and ``-._~%``. What joins parts (``= & , : #``), and what means something to
SCAN (``* ? [ ] ^ \\``), is never among them.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

# Longer texts are replaced by their digest.
MAX_CHARS = 200

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")


def escaped(part: str) -> str:
    """Percent-encode everything but letters, digits and ``-._~``; different texts stay different."""
    # The first is all that most parts need, at a fifth of the price.
    is_plain = (part.isascii() and part.isalnum()) or _PLAIN.fullmatch(part)
    return part if is_plain else quote(part, safe="", errors="surrogatepass")


def digest(text: str) -> str:
    """
    A text that stands for another one: ``#`` and 40 hexadecimal digits.

    160 bits of SHA-256: nobody finds two texts with one digest, not even if both are his own.
    """
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def bounded(text: str) -> str:
    """A text of escaped parts as it is, or its digest when it is longer than 200 characters."""
    return text if len(text) <= MAX_CHARS else digest(text)
