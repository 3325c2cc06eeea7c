"""What the rules must know of a request, of its answer, and of what the developer declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hitrate.exceptions import ConfigError
from hitrate.http.fields import Headers

Clients: TypeAlias = Literal["ignore", "staff", "always"]
Audience: TypeAlias = Literal["unknown", "identified", "shared"]

# The methods that read, which alone have to do with a cache.
READS = frozenset({"GET", "HEAD"})
# Statuses that speak of one request, of one client, or of a part of the content.
NEVER_STORED = frozenset({*range(100, 200), 206, 304, 401, 407, 412, 416, 429})

_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
_CREDENTIALS = ("authorization", "cookie")
_WISHES = ("cache-control", "pragma")
# The headers that the rules look for in any request; a request's content is known by its length, too.
_CONCERNS = (
    *_OVERRIDES,
    "transfer-encoding",
    "if-match",
    "if-unmodified-since",
    "if-none-match",
    "if-modified-since",
    "range",
)


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request.

    Attributes:
        method: in upper case.
        headers: its fields.
        is_staff: it may ask for a fresh answer where the policy says ``"staff"``.
        has_body: it brings content, known to the adapter in another way than by the headers.
    """

    method: str
    headers: Headers
    is_staff: bool = False
    has_body: bool = False

    @property
    def refusal(self) -> Literal["method", "method-override", "request-body"] | None:
        """Why this request can have nothing to do with a cache, or None."""
        if self.method not in READS:
            return "method"
        headers = self.headers
        for name in _OVERRIDES:
            if (other := headers.get(name)) and other.strip().upper() != self.method:
                return "method-override"
        length = headers.get("content-length")
        if self.has_body or (length and length.strip() != "0") or "transfer-encoding" in headers:
            return "request-body"
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """
    An answer.

    Attributes:
        status: the code.
        headers: its fields.
        body_bytes: length of its content as it is sent; None for a streaming answer.
        sets_cookies: it sets some that are not among its headers yet, as Django keeps them.
    """

    status: int
    headers: Headers
    body_bytes: int | None
    sets_cookies: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What the developer declared about the answers of a view.

    Attributes:
        ttl: for how long one is fresh, in seconds; less where the answer itself says so.
        audience: who may be given the answer. ``"identified"``: the key tells apart everybody who may get another one.
            ``"shared"``: everybody may be. ``"unknown"``: neither was said; then requests with Authorization or
            Cookie go past the cache.
        statuses: which are stored.
        max_body_bytes: longest content that is stored.
        clients: whose ``Cache-Control`` and ``Pragma`` are obeyed: nobody's, those of `Request.is_staff`, everybody's.
        concerns: the headers that the rules look for. A GET with none of them, and without content, is served whatever
            is stored, in full.

    Raises:
        ConfigError: a value that cannot be meant.
    """

    ttl: float
    audience: Audience = "unknown"
    statuses: frozenset[int] = frozenset({200})
    max_body_bytes: int = 1 << 20
    clients: Clients = "ignore"
    concerns: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.ttl >= 0:
            raise ConfigError(f"ttl of {self.ttl!r} for answers; use seconds, 0 or more")
        if self.audience not in {"unknown", "identified", "shared"}:
            raise ConfigError(f"unknown audience {self.audience!r}; use 'unknown', 'identified' or 'shared'")
        if self.clients not in {"ignore", "staff", "always"}:
            raise ConfigError(f"unknown clients {self.clients!r}; use 'ignore', 'staff' or 'always'")
        if self.max_body_bytes < 0:
            raise ConfigError(f"max_body_bytes of {self.max_body_bytes!r}; use bytes, 0 or more")
        if wrong := sorted(self.statuses & NEVER_STORED):
            raise ConfigError(f"answers of status {wrong[0]} are never stored; take it out of statuses")
        credentials = _CREDENTIALS if self.audience == "unknown" else ()
        wishes = () if self.clients == "ignore" else _WISHES
        object.__setattr__(self, "concerns", frozenset((*_CONCERNS, *credentials, *wishes)))

    def credential(self, request: Request) -> Literal["authorization", "cookie"] | None:
        """The header by which a request may get an answer of its own, where the key would not tell it apart."""
        if self.audience == "unknown":
            if "authorization" in request.headers:
                return "authorization"
            if "cookie" in request.headers:
                return "cookie"
        return None

    def obeys(self, request: Request) -> bool:
        """Whether this client may say what it wants of the cache."""
        return self.clients == "always" or (self.clients == "staff" and request.is_staff)
