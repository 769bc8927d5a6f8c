"""A function over many things → what it returns, in order, while threads work ahead. Pure."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_THREADS: Final = 2

Given = TypeVar("Given")
Made = TypeVar("Made")


def work_ahead(work: Callable[[Given], Made], things: Iterable[Given]) -> Iterator[Made]:
    """Yield `work(thing)` of each of `things`; no more than three of them are made at a time.

    polars works outside of Python's lock. One thing alone has nothing to be ahead of; to hand it to
    a thread would only cost time.
    """
    things = iter(things)
    first = [*islice(things, 2)]
    if len(first) < 2:  # noqa: PLR2004
        yield from map(work, first)
        return
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for thing in chain(first, things):
            waiting.append(pool.submit(work, thing))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
