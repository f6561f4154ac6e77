"""What the user asks for while training: SIGINT stops with a snapshot, SIGHUP saves, SIGTERM saves and exits 143."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Wishes:
    """Flags that the loop polls once per iteration, as Caffe's ``GetRequestedAction``."""

    def __init__(self) -> None:
        self.stop_signal: signal.Signals | None = None
        self._save = False

    @property
    def stop(self) -> bool:
        """Whether to stop after the update under way."""
        return self.stop_signal is not None

    def take_save(self) -> bool:
        """Whether a snapshot was asked for since the last look."""
        wanted, self._save = self._save, False
        return wanted

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if self.stop_signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # the second Ctrl-C does not wait
        self.stop_signal = signal.Signals(number)

    def _on_save(self, number: int, frame: FrameType | None) -> None:
        self._save = True

    @property
    def exit_code(self) -> int:
        """0, or 128 + the number of the signal that stopped the run, as shells count."""
        return 0 if self.stop_signal is None else 128 + self.stop_signal.value


@contextmanager
def listening() -> Iterator[Wishes]:
    """Handle the three signals inside the block; only in the main thread, as Python demands."""
    wishes = Wishes()
    handlers = {signal.SIGINT: wishes._on_stop, signal.SIGTERM: wishes._on_stop, signal.SIGHUP: wishes._on_save}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
