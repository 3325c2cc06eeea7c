"""What stands before a view, in every framework: whom a request is counted on, and the limiter that counts."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

import hitrate
from hitrate.gates import methods_of, subject_name


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
