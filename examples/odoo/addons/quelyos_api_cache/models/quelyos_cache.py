"""``env["quelyos.cache"]``: the second cache of the original, for other addons; never over RPC."""

from __future__ import annotations

import json

from odoo import api, models

from ..lib.client import attempt


class QuelyosCache(models.AbstractModel):
    """Bytes and JSON under the keys that it is given, such as that of the sitemap; nothing raises."""

    _name = "quelyos.cache"
    _description = "Cache of bytes and JSON"

    @api.private
    def get(self, key):
        """Return the bytes of a value, or None."""
        return self._attempt("GET", None, lambda cache: cache.execute("GET", cache.make_key(key)))

    @api.private
    def set(self, key, value, ttl=None):
        """Store text, bytes or a number for so many seconds, or for ever; tell whether it was."""
        return self._attempt("SET", False, lambda cache: self._store(cache, key, value, ttl))

    @api.private
    def delete(self, key):
        """Delete a value; False while the server is away, and then it is deleted when that is back."""
        return self._attempt("DELETE", False, lambda cache: cache.delete_many([key]) is not None)

    @api.private
    def exists(self, key=None):
        """Tell whether there is a value. Without a key it is the method of every recordset."""
        if key is None:
            return super().exists()
        return self._attempt("EXISTS", False, lambda cache: cache.has(key))

    @api.private
    def get_json(self, key):
        """Return what was stored as JSON, or None."""
        found = self.get(key)
        try:
            return json.loads(found) if found else None
        except ValueError:
            return None

    @api.private
    def set_json(self, key, value, ttl=None):
        """Store what JSON can hold; tell whether it was."""
        return self._attempt("SET", False, lambda cache: self._store(cache, key, json.dumps(value), ttl))

    def _store(self, cache, key, content, ttl):
        return bool(cache.execute("SET", cache.make_key(key), content, *(("EX", int(ttl)) if ttl else ())))

    def _attempt(self, verb, otherwise, call):
        return attempt(verb, otherwise, call, self.env)
