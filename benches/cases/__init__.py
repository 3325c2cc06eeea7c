"""Every case, in the order in which they are run and shown."""

from __future__ import annotations

from bench import Case

from cases import (
    asynchronous,
    distance,
    fastapi,
    footprint,
    forms,
    keys,
    limits,
    local,
    mix,
    one_thread,
    patterns,
    pickles,
    processes,
    responses,
    served,
    threads,
)

ALL: tuple[Case, ...] = (
    *one_thread.CASES,
    *forms.CASES,
    *local.CASES,
    *pickles.CASES,
    *patterns.CASES,
    *threads.CASES,
    *mix.CASES,
    *processes.CASES,
    *distance.CASES,
    *asynchronous.CASES,
    *footprint.CASES,
    *keys.CASES,
    *limits.CASES,
    *responses.CASES,
    *served.CASES,
    *fastapi.CASES,
)
