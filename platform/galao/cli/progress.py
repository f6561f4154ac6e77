"""What a person sees while a net trains: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys

from rich.console import Console as Screen
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from galao.solver.run import Console


class Bar(Console):
    """A bar with loss, rate, images per second and the time left; lines scroll above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]train"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  lr {task.fields[rate]:.2e}  {task.fields[speed]:.0f} images/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Screen(highlight=False, soft_wrap=True),
        )
        self._task = self._progress.add_task("train", total=None, visible=False, loss=0.0, rate=0.0, speed=0.0)

    def line(self, message: str) -> None:
        """Print a line above the bar."""
        with contextlib.suppress(OSError):  # a terminal that has gone away does not end a training
            self._progress.console.print(message, markup=False)

    def progress(self, done: int, total: int, loss: float, rate: float, images_per_s: float) -> None:
        """Move the bar."""
        with contextlib.suppress(OSError):
            self._progress.start()
            self._progress.update(
                self._task, completed=done, total=total, visible=True, loss=loss, rate=rate, speed=images_per_s
            )

    def close(self) -> None:
        """Leave the terminal as it was."""
        with contextlib.suppress(OSError):
            self._progress.stop()


def console() -> Console:
    """The bar on a terminal, else plain lines."""
    return Bar() if sys.stdout.isatty() else Console()
