"""Where a run is written and what it goes on from."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from galao.errors import RunError

if TYPE_CHECKING:
    from galao.config.job import Job
    from galao.solver.snapshot import Snapshot

RUNS = Path("runs")
_JSON = re.compile(r"^(.+)_iter_([0-9]+)\.json$")


@dataclass(frozen=True)
class Start:
    """``folder`` None: a new one; ``snapshot`` None: from the beginning; ``older``: an earlier one will do too."""

    folder: Path | None = None
    snapshot: Path | None = None
    older: bool = False

    def load(self, tell: Callable[[str], None]) -> "Snapshot | None":
        """The snapshot to go on from; imports torch only if there is one.

        Raises:
            RunError: it is damaged, and so are all before it.
        """
        if self.snapshot is None:
            return None
        from galao.solver.snapshot import load, load_newest

        if not self.older:
            return load(self.snapshot)
        prefix, iteration = _split(self.snapshot)
        return load_newest(prefix, tell, iteration)


def find_start(job: "Job", run_folder: Path | None, wanted: str | None) -> Start:
    """What ``--run`` and ``--snapshot`` ask for.

    Raises:
        RunError: there is no such snapshot, or the folder holds a run already.
    """
    if wanted is None:
        if run_folder is not None and (run_folder / "journal.jsonl").exists():
            raise RunError(f"{run_folder}: holds a run already; go on with --snapshot auto, or choose another --run")
        return Start(run_folder)
    if wanted == "auto":
        return _newest(job, run_folder)
    path = Path(wanted)
    if not _JSON.match(path.name) or not path.is_file():
        raise RunError(f"--snapshot: {path} is not a snapshot's .json file; give one (NAME_iter_N.json), or auto")
    home = path.parent.parent
    return Start(run_folder or (home if (home / "journal.jsonl").is_file() else None), path)


def _newest(job: "Job", run_folder: Path | None) -> Start:
    from galao.solver.run import LAST, latest_run_folder

    folder = run_folder or latest_run_folder(RUNS, job.name)
    if folder is None:
        raise RunError(f"--snapshot auto: no run of {job.name} with a snapshot under {RUNS}/; start without --snapshot")
    try:
        path = folder / (folder / LAST).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise RunError(f"--snapshot auto: {folder} has no snapshot yet; start without --snapshot") from None
    return Start(folder, path, older=True)


def _split(path: Path) -> tuple[Path, int]:
    """``snapshots/x_iter_40.json`` is prefix ``snapshots/x`` at iteration 40."""
    match = _JSON.match(path.name)
    if match is None:
        raise RunError(f"{path}: not the name of a snapshot; give --snapshot a NAME_iter_N.json")
    return path.with_name(match[1]), int(match[2])


def prefix_of(job: "Job", folder: Path) -> Path:
    """Caffe's snapshot_prefix; one that ends in / or names a folder gets the job's name."""
    given = job.solver.snapshot_prefix
    if given is None:
        return folder / "snapshots" / job.name
    return Path(given) / job.name if given.endswith("/") or Path(given).is_dir() else Path(given)


def changes(before: Path, job: "Job") -> list[str]:
    """What a job says otherwise than the one that its run began with, as ``field: old -> new``."""
    from galao.config.load import load_job

    if not before.is_file():
        return []
    old, new = _flat(load_job(before).model_dump(mode="json")), _flat(job.model_dump(mode="json"))
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)]


def _flat(fields: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in fields.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
