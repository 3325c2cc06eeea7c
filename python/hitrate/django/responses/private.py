"""
What in an answer may be one visitor's without its headers saying so.

Django marks such answers (``Vary: Cookie``, ``Set-Cookie``) in its middleware, after the view and so after us.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

from hitrate.django.responses.question import Question

Private: TypeAlias = Literal["csrf-token", "session", "messages", "browsable-api"]


@contextmanager
def session_watch(question: Question) -> Iterator[None]:
    """Show the view its declared parameters, and notice whether it looks into the session."""
    session = getattr(question.request, "session", None)
    if session is None:
        with question.narrowed():
            yield
        return
    # To know the user the session was read already; what counts is whether the view reads it.
    before, session.accessed = session.accessed, False
    try:
        with question.narrowed():
            yield
    finally:
        question.session_was_read = session.accessed
        session.accessed = session.accessed or before


def private_use(question: Question, response: object) -> Private | None:
    """
    Why the answer may belong to this visitor alone, after the view ran.

    A token against forgery, or a message shown once, is one visitor's whatever was declared; the session is unless the
    key tells askers apart.
    """
    # REST framework writes it on every answer; before its work, the request has none.
    renderer = getattr(response, "accepted_renderer", None)
    if getattr(renderer, "format", None) == "api":
        # Its page names the user and holds forms, whatever the data is.
        return "browsable-api"
    request = question.request
    if request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):
        return "csrf-token"
    session = getattr(request, "session", None)
    if session is not None and (session.modified or (question.session_was_read and not _may_share_session(question))):
        return "session"
    messages = getattr(request, "_messages", None)
    if messages is not None and (messages.used or messages.added_new):
        return "messages"
    return None


def _may_share_session(question: Question) -> bool:
    return question.declared.shared or "cookie" in question.covered()
