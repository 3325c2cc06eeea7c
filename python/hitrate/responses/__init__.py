"""
One request to something whose answers are kept, from the question to the answer; without any framework.

An adapter tells what was asked (`Exchange`), how its answers are read and made, and runs the view; `answer()` and
`hitrate.responses.tasks.aanswer()` do the rest in the order in which it must be done.
"""

from __future__ import annotations

from hitrate.responses.declared import Declared, Tags, declare
from hitrate.responses.drive import answer
from hitrate.responses.exchange import Exchange, Learned, Reply
from hitrate.responses.numbers import Numbers, numbers_of, response_stats

__all__ = [
    "Declared",
    "Exchange",
    "Learned",
    "Numbers",
    "Reply",
    "Tags",
    "answer",
    "declare",
    "numbers_of",
    "response_stats",
]
