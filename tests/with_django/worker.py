"""
One worker of a Django project, as a process of its own: ``python worker.py '{"default": {"BACKEND": ..., ...}}'``.

It reads one call per line (base64 of a pickled alias, name and arguments), makes it on that cache or on `Worker`, and
answers in one line. Which django-redis it uses is for its ``PYTHONPATH`` to say.
"""

from __future__ import annotations

import base64
import json
import pickle
import random
import sys
from typing import Any

import django
from django.conf import settings


class Worker:
    """What a worker does beside the plain calls of its cache."""

    @staticmethod
    def versions() -> dict[str, Any]:
        """Say what this process runs."""
        import django_redis
        from django.core.cache import cache

        return {"django_redis": django_redis.__version__, "backend": type(cache._connections["default"]).__module__}

    @staticmethod
    def save_session(key: str | None, data: dict[str, Any]) -> str:
        """Begin a session, or go on with one, as a request does."""
        from django.contrib.sessions.backends.cache import SessionStore

        session = SessionStore(key)
        session.update(data)
        session.save()
        return str(session.session_key)

    @staticmethod
    def load_session(key: str) -> dict[str, Any]:
        """Read a session."""
        from django.contrib.sessions.backends.cache import SessionStore

        return dict(SessionStore(key).items())

    @staticmethod
    def work(me: str, others: list[str], rounds: int) -> dict[str, int]:
        """Write, read what the others write, count and compete with them; tell what went wrong and who was first."""
        from django.core.cache import cache

        order = random.Random(me)
        result = {"wrong": 0, "seen": 0, "added": 0, "counted": 0}
        for number in range(rounds):
            cache.set(f"row:{me}:{number}", row(me, number), timeout=300)
            if number % 10 == 0:
                cache.set_many({f"row:{me}:{number}:{part}": row(me, part) for part in range(10)}, timeout=300)
            result["added"] += bool(cache.add(f"once:{number}", me, timeout=300))
            cache.incr("count")
            result["counted"] += 1
            other, at = order.choice(others), order.randrange(number + 1)
            found = {f"row:{other}:{at}": cache.get(f"row:{other}:{at}")}
            found.update(cache.get_many([f"row:{other}:{at}", f"row:{other}:{at // 10 * 10}:{at % 10}"]))
            for key, value in found.items():
                result["seen"] += value is not None
                result["wrong"] += value is not None and value != row(other, int(key.rpartition(":")[2]))
        return result


def row(who: str, number: int) -> dict[str, Any]:
    """What worker `who` stores under this number: long enough to be compressed."""
    return {"by": who, "number": number, "text": f"{who} says {number}; " * 20}


def main() -> None:
    """Answer calls until the input ends."""
    settings.configure(
        SECRET_KEY="only for tests",
        INSTALLED_APPS=["django.contrib.sessions"],
        CACHES=json.loads(sys.argv[1]),
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        USE_TZ=True,
    )
    django.setup()
    from django.core.cache import caches

    for line in sys.stdin:
        alias, name, args, options = pickle.loads(base64.b64decode(line))
        try:
            answer: tuple[bool, Any] = (
                True,
                getattr(Worker if hasattr(Worker, name) else caches[alias], name)(*args, **options),
            )
        except Exception as error:  # noqa: BLE001 (whoever called is told)
            answer = (False, f"{type(error).__name__}: {error}")
        sys.stdout.write(f"{base64.b64encode(pickle.dumps(answer)).decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
