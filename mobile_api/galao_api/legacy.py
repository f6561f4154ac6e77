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
        self._forget(now)
        if key not in self._known:
            self._known[key] = (now, asyncio.ensure_future(_run(make)))
        task = self._known[key][1]
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._known.get(key, (0.0, None))[1] is task:
                del self._known[key]
            raise

    def _forget(self, now: float) -> None:
        """Drop what is too old, and the oldest that are too many."""
        while self._known:
            made, _ = next(iter(self._known.values()))
            if len(self._known) < self._entries and now - made < self._keep_s:
                return
            self._known.popitem(last=False)


async def _run(make: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
    return await make()
