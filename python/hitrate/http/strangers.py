"""What in a request may tell who asks, where nobody said who may be given the answer."""

from __future__ import annotations

from collections.abc import Iterable

from hitrate.http.text import digest

# What browsers, proxies and tracing write into requests of everybody. An answer that depends on what is negotiated says
# so by Vary. `Authorization` and `Cookie` tell who asks; here they do not count, for such requests go past the cache.
_OF_EVERYBODY = frozenset(
    b"""
    accept accept-charset accept-encoding accept-language user-agent referer origin host authorization cookie
    cache-control pragma connection keep-alive proxy-connection te trailer upgrade upgrade-insecure-requests
    if-match if-none-match if-modified-since if-unmodified-since if-range range content-length content-type expect
    dnt save-data priority purpose x-purpose x-moz device-memory downlink ect rtt width viewport-width dpr
    via date max-forwards forwarded x-forwarded-for x-real-ip x-client-ip true-client-ip cdn-loop
    x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-attempt-count
    cf-connecting-ip cf-ipcountry cf-ray cf-visitor cf-ew-via fastly-client-ip x-azure-ref x-azure-clientip
    x-request-id x-request-start x-correlation-id x-amzn-trace-id x-cloud-trace-context traceparent tracestate baggage
    b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags x-datadog-trace-id x-datadog-parent-id
    x-datadog-sampling-priority x-datadog-origin x-datadog-tags sentry-trace newrelic elastic-apm-traceparent
    uber-trace-id x-ot-span-context
    """.split()
)
_FAMILIES = (b"sec-ch-", b"sec-fetch-", b"sec-gpc")
# What an application may take its own address from, and so the links in its answers. A proxy writes the same into all
# requests; whoever writes another one himself must be the only one who gets the links that come of it.
_OF_LINKS = frozenset(
    b"""
    x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-protocol x-forwarded-scheme x-forwarded-ssl
    x-forwarded-prefix x-forwarded-path x-forwarded-server x-forwarded-uri x-host x-original-host x-original-url
    x-original-uri x-rewrite-url x-script-name x-scheme x-url-scheme front-end-https
    """.split()
)

Lines = tuple[tuple[bytes, bytes], ...]
"""Name, in lower case, and value of each line, as ASGI has them."""


def of_links(pairs: Iterable[tuple[bytes, bytes]]) -> Lines:
    """The lines of a request that an application may take its own address from."""
    return tuple([(name, value) for name, value in pairs if name in _OF_LINKS])


def unexplained(pairs: Iterable[tuple[bytes, bytes]]) -> Lines:
    """The lines of a request whose meaning is not known: an API key, a tenant, whatever an application reads."""
    return tuple(
        [(name, value) for name, value in pairs if name not in _OF_EVERYBODY and not name.startswith(_FAMILIES)]
    )


def lines_digest(lines: Lines) -> str:
    """
    Stand for header lines in a key: ``""`` for none.

    The order of different headers makes no difference, that of the lines of one does.
    """
    if not lines:
        return ""
    found = sorted(lines, key=lambda line: line[0])
    return digest("".join([f"{len(name)}:{len(value)}:{(name + value).decode('latin-1')}" for name, value in found]))
