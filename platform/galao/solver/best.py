"""The weights of the best test so far, in best_iter_<N>.safetensors beside the journal."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from galao.solver.run import write_whole
from galao.solver.snapshot import Progress, Snapshot, save_tensors, sha256


class BestWeights:
    """Keeps the best weights of now and those that the newest snapshot would go back to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._of_snapshot = -1

    def path(self, iteration: int) -> Path:
        """Weights of a test that was the best when it was run."""
        return self.folder / f"best_iter_{iteration}.safetensors"

    def keep(self, state: Mapping[str, Tensor], before: Progress, top1: float, loss: float) -> Progress:
        """Write the weights that were just tested if they are the best so far; returns the new numbers."""
        now = replace(before, tested_at=before.iteration)
        if (top1, -loss) <= (now.best_top1, -now.best_loss):
            return replace(now, tests_since_best=now.tests_since_best + 1)
        digest = save_tensors(self.path(now.iteration), state)
        self._drop_all_but(now.iteration)
        return replace(
            now, best_iteration=now.iteration, best_top1=top1, best_loss=loss, best_sha256=digest, tests_since_best=0
        )

    def note_snapshot(self, progress: Progress) -> None:
        """From now on a resumed run would need this moment's best weights."""
        self._of_snapshot = progress.best_iteration
        self._drop_all_but(progress.best_iteration)

    def _drop_all_but(self, iteration: int) -> None:
        kept = {self.path(iteration), self.path(self._of_snapshot)}
        for path in self.folder.glob("best_iter_*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def fetch(self, moment: Snapshot, tell: Callable[[str], None]) -> Progress:
        """The snapshot's numbers, its best weights copied here; without them, as if no test had been run."""
        numbers = moment.progress
        if numbers.best_iteration < 0 or self._bring(moment):
            self._of_snapshot = numbers.best_iteration
            return numbers
        tell(f"The best weights so far, of iteration {numbers.best_iteration}, are gone; tests begin anew")
        fresh = Progress()
        return replace(
            numbers,
            best_iteration=fresh.best_iteration,
            best_top1=fresh.best_top1,
            best_loss=math.inf,
            best_sha256="",
            tests_since_best=0,
            tested_at=-1,
        )

    def _bring(self, moment: Snapshot) -> bool:
        here = self.path(moment.progress.best_iteration)
        for path in (here, moment.folder.parent / here.name if moment.folder else here):
            if path.is_file() and sha256(path) == moment.progress.best_sha256:
                if path != here:
                    write_whole(here, path.read_bytes())
                return True
        return False

    def load(self, progress: Progress) -> dict[str, Tensor]:
        """The best weights by name."""
        return load_file(self.path(progress.best_iteration))
