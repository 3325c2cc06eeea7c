"""The module's answers: ``{success: true, ...}`` or ``{success: false, error}``, and never what the server knows."""

from __future__ import annotations

import functools
import logging

import psycopg2
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request, route
from odoo.release import version_info
from werkzeug.exceptions import HTTPException

from .asked import InvalidParametersError

_logger = logging.getLogger(__name__)
# Odoo 19 renamed it.
JSON = "jsonrpc" if version_info >= (19, 0) else "json"


def json_route(path, auth):
    """A JSON-RPC route on the website, which reads and never writes."""
    return route(path, type=JSON, auth=auth, methods=["POST"], csrf=False, website=True, readonly=True, sitemap=False)


def refused(error):
    """A refusal, in the module's shape."""
    return {"success": False, "error": error}


def answering(method):
    """Bad parameters and a missing product are answers; other failures are logged and say nothing of the server."""

    @functools.wraps(method)
    def call(self, /, *args, **kwargs):
        kwargs = {**_beside_params(), **kwargs}
        kwargs.pop("context", None)
        try:
            return method(self, *args, **kwargs)
        except InvalidParametersError:
            _logger.info("Refused parameters of %s", method.__name__, exc_info=True)
            return refused("Invalid parameters")
        except (psycopg2.Error, ConcurrencyError, UserError, HTTPException):
            # Odoo's own: some it tries again.
            raise
        except Exception:
            _logger.exception("%s failed", method.__name__)
            return refused("Internal error")

    return call


def _beside_params():
    """Arguments that the body holds outside of ``params``, where the module's document shows them."""
    body = request.dispatcher.jsonrequest
    return {name: value for name, value in body.items() if name not in {"jsonrpc", "method", "id", "params"}}


def administrators_only(method):
    """Only who is in Settings may: others are refused in the module's shape."""

    @functools.wraps(method)
    def call(self, /, *args, **kwargs):
        if not request.env.user.has_group("base.group_system"):
            return refused("Unauthorized")
        return method(self, *args, **kwargs)

    return call


def visitor(env, website, pricelist):
    """
    The producer in an environment that says all that an answer depends on: it is the key's and the computation's.

    What it holds is at hand in every request, so that a hit asks the database nothing. Companies and language are those
    of `env`; the currency is that of the pricelist or of the company.
    """
    return env["ecommerce.producer"].with_context(website_id=website.id, pricelist=pricelist.id or False)
