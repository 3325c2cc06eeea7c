"""
The pages of `pages.py` as a WSGI application.

The environment names the cache server (``URL``) and a file for SQLite (``DATABASE``), which all threads can read.
"""

from __future__ import annotations

import os
from typing import Any

from peers import DJANGO_REDIS, HITRATE, HITRATE_LOCAL, PEERS, configure_django

configure_django()

import pages  # noqa: E402  needs Django to be configured

ALIASES = {HITRATE: "served-ours", HITRATE_LOCAL: "served-near", DJANGO_REDIS: "served-theirs"}
for _name, _prefix in ALIASES.items():
    PEERS[_name].open(os.environ["URL"], _prefix)
pages.fill()
_site = pages.Site(pages.urls(*ALIASES.values()))


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer as Django's own handler."""
    return _site.handler(environ, start_response)
