"""What an answer depends on besides the arguments: the parts of the key that keep one's answer from another's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, escaped

if TYPE_CHECKING:
    from odoo.api import Environment


def key_parts(env: Environment, vary: Iterable[str]) -> str:
    """
    Spell what the answer depends on; the database is always in it.

    Args:
        env: of the call.
        vary: names of `KNOWN`, or ``context.{key}`` for a key of the context.

    Raises:
        ConfigError: an unknown name.
    """
    parts = [f"db={escaped(env.cr.dbname)}"]
    for name in sorted(set(vary)):
        if name.startswith("context."):
            value = repr(env.context.get(name.removeprefix("context.")))
        elif name in KNOWN:
            value = str(KNOWN[name](env))
        else:
            allowed = ", ".join(map(repr, KNOWN))
            raise ConfigError(f"unknown part {name!r:.100} in vary; use {allowed}, or 'context.' and a key")
        # Some come from whoever asks, over RPC for example, and may be as long as he likes.
        parts.append(f"{name}={bounded(escaped(value))}")
    return "&".join(parts)


def declared_context(env: Environment, vary: Iterable[str]) -> dict[str, Any]:
    """
    Of the context, what the key says, and nothing else.

    Whoever calls over RPC says what the context holds, and so does a visitor by ``?edit_translations=1`` in an address:
    what is computed with more than the key tells would be kept for others. Where the website matters, the context names
    that of the key, to which a session may be forced.

    Args:
        env: of the call.
        vary: as in `key_parts`.
    """
    names = {
        name
        for part in vary
        for name in ((part.removeprefix("context."),) if part.startswith("context.") else _CONTEXT.get(part, ()))
    }
    context = {name: value for name, value in env.context.items() if name in names}
    if "website" in vary and "website" in env:
        context["website_id"] = env["website"].get_current_website().id
    return context


def _companies(env: Any) -> str:
    # All that are allowed, the current one first: record rules look at all of them.
    allowed = [company for company in env.companies.ids if company != env.company.id]
    return ",".join(map(str, [env.company.id, *sorted(allowed)]))


def _website(env: Any) -> Any:
    if "website" not in env:
        return ""
    # Odoo's own order: the one that a session is forced to, then the context, then the host. Of another one the request
    # may be, or of none, which methods and record rules look at.
    current, asked = env["website"].get_current_website().id, getattr(_request(), "website", None)
    return current if asked and asked.id == current else f"{current}/{asked.id if asked else ''}"


def _lang(env: Any) -> str:
    asked = getattr(_request(), "lang", None)
    lang = env.lang or ""
    return lang if not asked or asked.code == lang else f"{lang}/{asked.code}"


def _pricelist(env: Any) -> Any:
    if "pricelist" in env.context:
        # Without the request's fiscal position, which Odoo looks for with five queries: who reads it keeps nothing.
        return env.context["pricelist"] or ""
    request = _request()
    # Odoo 19 has both at the request; before, the website knew them.
    found = getattr(request, "pricelist", None)
    if found is None and hasattr(env.get("website"), "pricelist_id"):
        found = env["website"].get_current_website().pricelist_id
    fiscal = getattr(request, "fiscal_position", None)
    return f"{found.id if found else ''}/{fiscal.id if fiscal else ''}"


def _currency(env: Any) -> Any:
    if "website" not in env:
        return env.company.currency_id.id
    # Odoo 19 takes it from the request's pricelist, which a method then reads.
    pricelist = getattr(_request(), "pricelist", None)
    return f"{env['website'].get_current_website().currency_id.id}/{pricelist.id if pricelist else ''}"


def _groups(env: Any) -> str:
    # Whoever has the same groups sees the same, where no rule looks at the user; one counts in debug mode only.
    found = ",".join(map(str, sorted(env.user._get_group_ids())))  # noqa: SLF001 (Odoo's own)
    return f"{found}{_mode(env)}"


def _mode(env: Any) -> str:
    session = getattr(_request(), "session", None)
    return f"{'/su' if env.su else ''}{'/debug' if session is not None and session.debug else ''}"


def _base_url(env: Any) -> Any:
    request = _request()
    return request.httprequest.url_root if request else env["ir.config_parameter"].sudo().get_param("web.base.url")


def _request() -> Any:
    # Where nothing has imported it, nothing is asked for over HTTP.
    http = sys.modules.get("odoo.http")
    return (http.request or None) if http else None


# Keys of the context that parts are read from.
_CONTEXT: Mapping[str, tuple[str, ...]] = {
    "company": ("allowed_company_ids",),
    "lang": ("lang",),
    "website": ("website_id",),
    "pricelist": ("pricelist",),
    "currency": ("website_id", "allowed_company_ids"),
    "timezone": ("tz",),
}

KNOWN: Mapping[str, Callable[[Any], Any]] = {
    "company": _companies,
    "lang": _lang,
    "website": _website,
    "pricelist": _pricelist,
    "currency": _currency,
    "user": lambda env: f"{env.uid}{_mode(env)}",
    "groups": _groups,
    "timezone": lambda env: env.context.get("tz") or env.user.tz or "",
    "host": _base_url,
}
