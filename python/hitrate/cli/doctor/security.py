"""Who else can get in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, info, ok, problem, warning

NEW_PASSWORD = (
    "ACL GENPASS makes one; requirepass <password> in the server's configuration file; then put it into the URL"  # noqa: S105
)


def needs_password(facts: Facts) -> bool | None:
    """Whether the user ``default`` needs a password; None: nobody said."""
    if facts.default_user is not None:
        return "nopass" not in facts.default_user or "off" in facts.default_user
    # Who came in without a password proves that none is needed; who gave one proves nothing.
    return None if facts.target.has_password else False


def listens_outside(facts: Facts) -> bool | None:
    """Whether the server listens on an address that others can reach; None: nobody said."""
    if not facts.target.is_local:
        return True
    if "bind" not in facts.config:
        return None
    return not all(_is_loopback(word) for word in facts.config["bind"].split()) or not facts.config["bind"]


def check_password(facts: Facts) -> Iterator[Finding]:
    """Can anybody come in without a password."""
    if facts.target.is_embedded:
        return
    needed, outside = needs_password(facts), listens_outside(facts)
    check = "security.password"
    is_protected = facts.config.get("protected-mode") == "yes"
    value = {"needed": needed, "listens_outside": outside, "protected_mode": facts.config.get("protected-mode")}
    if needed:
        yield ok(check, "a password is needed", value)
    elif needed is None:
        yield info(check, "this user may not ask whether the user 'default' needs a password", value)
    elif outside and not (is_protected and facts.target.is_local):
        yield problem(
            check,
            "no password is needed, and the server listens on an address that others can reach",
            value,
            why="who reaches it reads sessions, and takes over the site by a forged pickle, or the machine",
            advice=f"{NEW_PASSWORD}; or bind 127.0.0.1, if only this machine needs it",
        )
    elif outside:
        yield warning(
            check,
            "no password is needed; only protected-mode keeps others out",
            value,
            why="one changed setting, and everybody is let in",
            advice=f"{NEW_PASSWORD}; or bind 127.0.0.1, if only this machine needs it",
        )
    else:
        yield ok(check, "no password is needed, and only this machine reaches the server", value)


def check_protected_mode(facts: Facts) -> Iterator[Finding]:
    """Protected mode refuses the network while there is no password."""
    setting = facts.config.get("protected-mode")
    if setting == "no" and not needs_password(facts):
        yield warning(
            "security.protected_mode",
            "protected-mode is no",
            setting,
            why="it is what keeps a server without a password from answering the network",
            advice="set a password, and CONFIG SET protected-mode yes",
        )


def check_user_rights(facts: Facts) -> Iterator[Finding]:
    """A site that may do everything to a server lets whoever breaks into it do everything, too."""
    if facts.user == "default" and not facts.target.is_local:
        yield info(
            "security.user",
            "the site is the user 'default'",
            facts.user,
            why="that user may usually do everything, FLUSHALL included, to the keys of all who share this server",
            advice="give it one of its own: see docs/guides/doctor.md",
        )


def _is_loopback(word: str) -> bool:
    """Whether a word of ``bind`` is a loopback address; ``-`` in front means that it may be missing."""
    try:
        return ip_address(word.removeprefix("-")).is_loopback
    except ValueError:
        return word.removeprefix("-") == "localhost"
