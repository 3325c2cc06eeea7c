"""Is there an answer, for whom, and who can listen in."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hitrate import (
    AuthenticationError,
    Cache,
    ProtocolError,
    ServerError,
    ServerPermissionError,
    ServerResponseError,
    ServerStateError,
    ServerTimeoutError,
)
from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, ok, problem, warning
from hitrate.cli.target import Target
from hitrate.cli.timing import duration


def contact(cache: Cache, target: Target) -> Finding:
    """
    Speak to the server for the first time.

    Raises:
        ServerError: it gave no answer, or one with which nothing more can be asked; `explain` makes a finding of it.
    """
    began = time.perf_counter()
    try:
        cache.execute("PING")
        said = "answered PING"
    except (ServerPermissionError, ServerResponseError) as refusal:
        # A user without PING gets an answer all the same.
        said = "answered PING with a refusal" if isinstance(refusal, ServerPermissionError) else "answered"
    taken = time.perf_counter() - began
    return ok("reach.ping", f"{target.address} {said} in {duration(taken)}, connecting included", round(taken, 9))


def explain(error: ServerError, target: Target) -> Finding:
    """Make a finding of the error with which the first contact, or any later one, ended."""
    found = str(error)
    if isinstance(error, AuthenticationError):
        why = "every call of the site fails in the same way, and no more can be examined"
        if target.has_password:
            name = target.username or "default"
            advice = f"check the password of user '{name}', and on the server: ACL GETUSER {name}"
        else:
            advice = "put user and password into the URL: redis://user:password@host:6379/0, or into HITRATE_URL"
        return problem("reach.authentication", found, why=why, advice=advice)
    if isinstance(error, (ServerStateError, ServerPermissionError, ServerResponseError)):
        # These errors end with what to do.
        found, _, advice = found.rpartition("; ") if "; " in found else (found, "", "see the server's log")
        return problem("reach.state", found, why="the server runs, and does not serve this", advice=advice)
    if isinstance(error, ProtocolError):
        advice = "check the port; one that speaks TLS needs rediss:// in place of redis://"
        return problem("reach.ping", found, why="what answers there is no Redis or Valkey", advice=advice)
    why = "without the server every read is a miss, and every page is computed"
    host = "-s SOCKET" if target.is_unix else "-h HOST -p PORT"
    if isinstance(error, ServerTimeoutError):
        advice = f"is it frozen, busy with a script, or behind a firewall? redis-cli {host} PING; a port that "
        advice += "speaks plain text does not answer rediss://"
    else:
        advice = (
            f"does it run, and listen there? redis-cli {host} PING; on the server: CONFIG GET bind, CONFIG GET port"
        )
    return problem("reach.ping", found, why=why, advice=advice)


def check_user(facts: Facts) -> Iterator[Finding]:
    """Who this connection is."""
    if facts.target.is_embedded:
        return
    user = facts.user or facts.target.username or "default"
    how = "with a password" if facts.target.has_password else "without a password"
    value = {"user": user, "with_password": facts.target.has_password}
    yield ok("reach.authentication", f"logged in as user '{user}' {how}", value)


def check_tls(facts: Facts) -> Iterator[Finding]:
    """Who can read and change what goes over the wire."""
    target = facts.target
    if target.is_embedded:
        return
    check = "reach.tls"
    if not target.is_encrypted:
        if target.is_local:
            yield ok(check, "no TLS, and none needed: the connection does not leave this machine", value=False)
            return
        what = "the password and all values" if target.has_password else "all values"
        yield warning(
            check,
            "the connection leaves this machine without TLS",
            value=False,
            why=f"who is on the way reads {what}, and can change them; a changed pickle runs code",
            advice="use rediss:// with tls-port on the server, unless the network is yours alone",
        )
    elif not target.is_verified:
        yield problem(
            check,
            "TLS, but the server's certificate is not checked",
            value=True,
            why="anybody on the way can pose as the server, and gets the password",
            advice="remove tls_verify=false (ssl_cert_reqs=none) and give tls_ca_file=/path/of/ca.pem",
        )
    else:
        yield ok(check, "TLS, with a checked certificate", value=True)
