"""What is done once in a request, however often Odoo runs it: after a conflict in the database it begins again."""

from __future__ import annotations

from odoo.http import request

_ATTRIBUTE = "_quelyos_api_cache_asked"


def once(name, ask):
    """What `ask` returned when it was called first in this request; a limiter that is asked again counts again."""
    answers = vars(request._get_current_object()).setdefault(_ATTRIBUTE, {})
    if name not in answers:
        answers[name] = ask()
    return answers[name]
