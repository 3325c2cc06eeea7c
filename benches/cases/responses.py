"""Answers of a view from the cache, through Django's whole handler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from bars import Bar
from bench import Bench, Case
from harness import Measure, Sample, closed_loop
from peers import DJANGO_REDIS, HITRATE, HITRATE_LOCAL, PEERS

UNCACHED = "not cached"
TYPICAL = "response.data in django-redis"
PAGE = "cache_page on django-redis"
OURS = "cache_api_response"
EARLY = "CachedViewMixin"
OURS_NEAR = "cache_api_response, local copy"
EARLY_NEAR = "CachedViewMixin, local copy"
CONSTANT = "Django view of constant bytes"
CONSTANT_OF_REST = "REST view of constant bytes"
PAGES = {
    UNCACHED: "uncached",
    TYPICAL: "typical",
    PAGE: "cache_page",
    OURS: "hitrate",
    EARLY: "early",
    OURS_NEAR: "hitrate_near",
    EARLY_NEAR: "early_near",
    CONSTANT_OF_REST: "constant_of_rest",
    CONSTANT: "constant",
}


@contextmanager
def _pages(bench: Bench) -> Iterator[Measure]:
    pages = import_module("pages")
    aliases = []
    for name in (HITRATE, HITRATE_LOCAL, DJANGO_REDIS):
        bench.client(name)
        aliases.append(bench.prefix_of(name))
    pages.fill()
    site = pages.Site(pages.urls(*aliases))

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
            Bar(OURS_NEAR, "wall µs", CONSTANT_OF_REST, at_most=1.15),
            Bar(EARLY_NEAR, "wall µs", CONSTANT, at_most=1.15),
        ),
        extra=tuple(PAGES),
        why_skipped=_why_skipped,
    ),
)
