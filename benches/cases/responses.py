"""Answers of a view from the cache, through Django's whole handler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from bars import Bar
from bench import Bench, Case
from harness import Measure, Sample, closed_loop
from peers import DJANGO_REDIS, HITRATE, PEERS

UNCACHED = "not cached"
TYPICAL = "response.data in django-redis"
PAGE = "cache_page on django-redis"
OURS = "cache_api_response"
EARLY = "CachedViewMixin"
CONSTANT = "Django view of constant bytes"
CONSTANT_OF_REST = "REST view of constant bytes"
PAGES = {
    UNCACHED: "uncached",
    TYPICAL: "typical",
    PAGE: "cache_page",
    OURS: "hitrate",
    EARLY: "early",
    CONSTANT_OF_REST: "constant_of_rest",
    CONSTANT: "constant",
}


@contextmanager
def _pages(bench: Bench) -> Iterator[Measure]:
    pages = import_module("pages")
    for name in (HITRATE, DJANGO_REDIS):
        bench.client(name)
    pages.fill()
    site = pages.Site(pages.urls(bench.prefix_of(HITRATE), bench.prefix_of(DJANGO_REDIS)))

    def measure(name: str) -> Sample:
        page = PAGES[name]
        site.ask(page)
        return closed_loop(lambda: site.ask(page), bench.seconds).sample()

    yield measure
    site.close()


def _why_skipped(_bench: Bench) -> str | None:
    return PEERS[DJANGO_REDIS].why_missing


CASES = (
    Case(
        "responses",
        "a REST list of 100 rows, through Django's WSGI handler, hit",
        tuple(PAGES),
        ("wall µs", "CPU µs"),
        _pages,
        (
            Bar(OURS, "wall µs", TYPICAL, at_most=0.55),
            Bar(EARLY, "wall µs", TYPICAL, at_most=0.35),
        ),
        extra=tuple(PAGES),
        why_skipped=_why_skipped,
    ),
)
