"""What stands before a view, in every framework: whom a request is counted on, and the limiter that counts."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.gates import limiters_of, methods_of, subject_name
from hitrate.limits import limits_of

ROOT = Path(__file__).parents[2]


@given(st.text(st.characters(codec=None), max_size=300))
def test_whoever_is_meant_a_limiter_takes_his_name(text: str) -> None:
    limiter = hitrate.RateLimiter(hitrate.Cache("memory://gates"), "1000000000/day", algorithm="fixed_window")
    name = subject_name(text)
    assert len(name) <= 128
    assert limiter.hit(name).allowed
    assert name == text or name == subject_name(text)


def test_names_that_utf_8_cannot_hold_stay_different() -> None:
    names = ["\ud800", "\ud801", "a\udfff", json.loads('"\\ud83d"'), "\U0001f40e", "?"]
    assert len({subject_name(name) for name in names}) == len(names)
    assert subject_name("caf\xe9 \U0001f40e") == "caf\xe9 \U0001f40e"


def test_get_stands_for_head_and_no_other_method_for_another() -> None:
    assert methods_of("get") == {"GET", "HEAD"}
    assert methods_of(["POST", "head"]) == {"POST", "HEAD"}
    assert methods_of(None) is None


def test_a_cache_has_one_limiter_of_the_same_arguments_for_as_long_as_it_lives() -> None:
    cache, other = hitrate.Cache("memory://gates"), hitrate.Cache("memory://gates")
    found = limiters_of((3, 60), "fixed_window", on_error="deny").on(cache)
    assert limiters_of((3, 60.0), "fixed_window", on_error="deny").on(cache) is found
    assert limiters_of((3, 60), "fixed_window", on_error="deny").on(other) is not found
    assert limiters_of((3, 60), "fixed_window").on(cache) is not found
    assert [limit.name for limit in limiters_of("5/s, 9/minute").on(cache).limits] == ["5/second", "9/minute"]
    assert [limit.name for limit in limiters_of((5, 1), name="login").on(cache).limits] == ["login"]
    with pytest.raises(ConfigError, match="fortnight"):
        limiters_of("5/fortnight").on(cache)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None


DECLARE = """
import django
from django.conf import settings
cache = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": "memory://", "OPTIONS": {"MAX_BYTES": 32 << 20}}
settings.configure(CACHES={"default": cache}, INSTALLED_APPS=["hitrate.django"])
django.setup()
import hitrate
from hitrate.asgi import RateLimitMiddleware
from hitrate.django import rate_limit
rate_limit("5/minute")(lambda request: None)
RateLimitMiddleware(None, lambda: None, "5/minute")
from django.core.cache import cache
cache.set("a", 1)
print(cache.get("a"))
"""


def test_declaring_a_limit_opens_no_store_that_the_project_gives_another_bound() -> None:
    command = [sys.executable, "-c", DECLARE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert [limit.name for limit in limits_of("5/minute")] == ["5/minute"]
