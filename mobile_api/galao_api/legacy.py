"""What the 2015 phone app needs: its form of answer, and the same answer to the same picture when it sends again.

Its HTTP library re-sends a request up to five times; answers are remembered for a while by the picture's hash, and
copies that arrive while the first is being answered wait for that one.
"""

import asyncio
import html
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from galao.records import Prediction

ROWS = 5
Row = list[str]


def rows_of(predictions: Sequence[Prediction]) -> list[Row]:
    """Exactly five rows ``[label, score]``; the app repeats the last one if there are fewer, so it is padded.

    The app shows labels as HTML, so they are escaped.
    """
    rows = [[html.escape(p.name, quote=False), f"{p.confidence:.5f}"] for p in predictions[:ROWS]]
    return rows + [["-", "0.00000"] for _ in range(ROWS - len(rows))]


class Repeats:
    """Answers that are given again to the same key within ``keep_s``; at most ``entries`` of them."""

    def __init__(self, keep_s: float, entries: int) -> None:
        self._keep_s = keep_s
        self._entries = entries
        self._known: OrderedDict[str, tuple[float, asyncio.Task[list[Row]]]] = OrderedDict()

    async def get(self, key: str, make: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
        """The answer to ``key``: the remembered one, the one that is being made, or a new one.

        A failure is not remembered.
        """
        now = time.monotonic()
        self._forget(lambda made: now - made >= self._keep_s)
        if key not in self._known:
            self._forget(lambda _: len(self._known) >= self._entries)
            task = asyncio.ensure_future(_run(make))
            task.add_done_callback(lambda done: self._drop_failure(key, done))
            self._known[key] = (now, task)
        return await asyncio.shield(self._known[key][1])

    def _forget(self, too_much: Callable[[float], bool]) -> None:
        """Drop the oldest as long as it is too old, or too many are there."""
        while self._known and too_much(next(iter(self._known.values()))[0]):
            self._known.popitem(last=False)

    def _drop_failure(self, key: str, task: asyncio.Task[list[Row]]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and key in self._known and self._known[key][1] is task:
            del self._known[key]


async def _run(make: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
    return await make()
