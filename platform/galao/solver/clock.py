"""Seconds trained and iterations per second."""

import time


class Clock:
    """Starts when training begins or goes on; ``seconds_before`` are those of earlier parts of the run."""

    def __init__(self, iteration: int, seconds_before: float) -> None:
        self._start = self._lap = time.monotonic()
        self._before = seconds_before
        self._first = self._iteration = iteration
        self.lap_seconds = 0.0

    def seconds(self) -> float:
        """Seconds trained in all."""
        return self._before + time.monotonic() - self._start

    def speed(self, iteration: int) -> float:
        """Iterations per second since the start."""
        return (iteration - self._first) / max(time.monotonic() - self._start, 1e-9)

    def lap(self, iteration: int) -> float:
        """Iterations per second since the last lap; its length stays in ``lap_seconds``."""
        now = time.monotonic()
        self.lap_seconds = now - self._lap
        done, self._iteration, self._lap = iteration - self._iteration, iteration, now
        return done / max(self.lap_seconds, 1e-9)
