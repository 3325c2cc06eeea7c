"""The original's client."""

from __future__ import annotations

import os


def client(env):
    """A client and a PING for every call, as the original made them."""
    import redis

    parameters = env["ir.config_parameter"].sudo()
    made = redis.Redis(
        host=parameters.get_param("redis.host") or os.environ["REDIS_HOST"],
        port=int(parameters.get_param("redis.port") or os.environ["REDIS_PORT"]),
        db=int(parameters.get_param("redis.db", 0)),
        decode_responses=True,
        socket_connect_timeout=5,
    )
    made.ping()
    return made
