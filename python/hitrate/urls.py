"""What the URL of a server says, for checks and messages; what it means, ``src/config/url.rs`` decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

__all__ = ["is_verified", "split"]

# What `src/config` takes for False, of `tls_verify` and of redis-py's `ssl_cert_reqs`.
OFF = {"false", "no", "off", "0", "none"}


def split(url: str) -> SplitResult:
    """
    Take a URL apart as `urlsplit` does, but for passwords: that refuses brackets in them, and may show what it refuses.

    Returns:
        Its parts; in user and password most signs are escaped, as ``%40`` is.

    Raises:
        ValueError: the host or the port cannot be read.
    """
    scheme, between, rest = url.partition("://")
    authority, tail = re.match(r"([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr] # Matches all.
    user, at, host = authority.rpartition("@")
    return urlsplit(f"{scheme}{between}{quote(user, safe=':%')}{at}{host}{tail}")


def is_verified(parts: SplitResult, options: Mapping[str, Any]) -> bool:
    """Whether the server's certificate is checked; `options` are those of `hitrate.Cache`, and beat the URL."""
    if options.get("tls_verify") is not None:
        return bool(options["tls_verify"])
    query = parse_qs(parts.query)
    given = [*query.get("tls_verify", []), *query.get("ssl_cert_reqs", [])]
    return OFF.isdisjoint(word.lower() for word in given)
