"""A bounded waiting room before a bounded number of places: who does not fit is told when to come again."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from galao_api.problems import Problem

LEARNING_RATE = 0.1


class Door:
    """Lets ``places`` requests in at a time; at most ``room`` more wait, first come, first served."""

    def __init__(self, places: int, room: int) -> None:
        self._semaphore = asyncio.Semaphore(places)
        self._places = places
        self._room = room
        self._inside_s = 0.05
        self.waiting = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place for the length of the block.

        Raises:
            Problem: the waiting room is full (503 with Retry-After, from what a place takes on average).
        """
        if self._semaphore.locked() and self.waiting >= self._room:
            raise self._busy()
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1
        started = time.perf_counter()
        try:
            yield
        finally:
            self._semaphore.release()
            self._inside_s += LEARNING_RATE * (time.perf_counter() - started - self._inside_s)

    def _busy(self) -> Problem:
        wait_s = max(1, math.ceil(self.waiting * self._inside_s / self._places))
        detail = f"{self.waiting} requests are waiting already; try again in {wait_s} s."
        return Problem("busy", detail, retry_after_s=wait_s)
