"""Draw the pictures of drawn_flora and write their lists.

    python datasets/drawn_flora/prepare.py                     # the quickstart set, beside this script
    python datasets/drawn_flora/prepare.py --set pretrain --out ~/drawn_pretrain

Pictures go to ``images/<genus>/NNN.jpg``; ``train.txt``, ``val.txt``, ``test.txt`` (``path label`` per line, paths
relative to the list's folder, shuffled by the seed) and ``labels.txt`` beside them. A second call with the same
settings does nothing; a call that was interrupted leaves what was there before.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import galao.pictures.flora
from galao.pictures.flora.draw import VIEWS, draw
from galao.pictures.flora.genus import make_genus
from galao.pictures.flora.names import genus_name

PHASES = ("train", "val", "test")
FIRST_GENUS = {"quickstart": 0, "pretrain": 1000}  # ranges of genus numbers that never meet
MOST_GENERA = {"quickstart": 1000, "pretrain": 4000}
_MARK = "images/drawn.json"
_VIEW_SHARES = (0.45, 0.3, 0.25)  # close-up, plant, stalk


@dataclass(frozen=True, slots=True)
class Settings:
    """What settles every pixel and every line of a set."""

    set: str
    genera: int
    train: int
    val: int
    test: int
    size: int
    seed: int


DEFAULTS = {
    "quickstart": Settings("quickstart", genera=24, train=10, val=10, test=20, size=176, seed=1),
    "pretrain": Settings("pretrain", genera=200, train=100, val=8, test=0, size=144, seed=1),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to draw."""

    genus: int  # the genus's number
    view: str
    seed: int
    size: int
    path: Path


def genus_numbers(settings: Settings) -> range:
    """The numbers of the set's genera; class index i is the i-th of them."""
    first = FIRST_GENUS[settings.set]
    return range(first, first + settings.genera)


def _views(count: int) -> list[str]:
    """``count`` views in the set's shares, so that each phase of each genus holds the same mixture."""
    edges = np.cumsum(_VIEW_SHARES)
    return [VIEWS[int(np.searchsorted(edges, (place + 0.5) / count))] for place in range(count)]


def plan(settings: Settings, folder: Path) -> tuple[list[Task], dict[str, list[str]]]:
    """All pictures to draw below ``folder`` and the lines of each phase's list."""
    tasks: list[Task] = []
    lines: dict[str, list[str]] = {}
    for phase_place, phase in enumerate(PHASES):
        per_genus = getattr(settings, phase)
        begin = sum(getattr(settings, earlier) for earlier in PHASES[:phase_place])
        lines[phase] = []
        for index, number in enumerate(genus_numbers(settings)):
            for place, view in enumerate(_views(per_genus)):
                name = f"images/{genus_name(number)}/{begin + place:03d}.jpg"
                seed = settings.seed * 100_000 + begin + place
                tasks.append(Task(number, view, seed, settings.size, folder / name))
                lines[phase].append(f"{name} {index}")
        np.random.default_rng([settings.seed, phase_place]).shuffle(lines[phase])
    return tasks, lines


def draw_task(task: Task) -> int:
    """Draw one picture to its file; returns the file's bytes."""
    view = next(view for view in VIEWS if view == task.view)
    draw(make_genus(task.genus), view, task.seed, task.size).save(task.path, "JPEG", quality=90)
    return task.path.stat().st_size


def fingerprint() -> str:
    """A digest of the drawing code: other code, other pictures."""
    digest = hashlib.sha256()
    for folder in galao.pictures.flora.__path__:
        for source in sorted(Path(folder).glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _mark(settings: Settings) -> str:
    """What is written beside a finished set."""
    return json.dumps({**asdict(settings), "code": fingerprint()}, indent=2) + "\n"


def is_done(settings: Settings, out: Path) -> bool:
    """Whether ``out`` already holds this very set."""
    mark = out / _MARK
    lists = [out / f"{phase}.txt" for phase in PHASES]
    whole = mark.is_file() and (out / "images").is_dir() and all(path.is_file() for path in lists)
    return whole and mark.read_text() == _mark(settings)


def _progress(results: Iterator[int], total: int) -> None:
    """Show how far the drawing is: one moving line on a terminal, a few lines elsewhere."""
    live = sys.stderr.isatty()
    step = max(1, total // (200 if live else 4))
    for count, _ in enumerate(results, start=1):
        if count % step == 0 or count == total:
            print(f"\rdrawing {count}/{total} pictures" if live else f"drawing {count}/{total} pictures",
                  end="" if live and count < total else "\n", file=sys.stderr, flush=True)  # fmt: skip


def _draw_all(tasks: Sequence[Task], workers: int) -> None:
    """Draw ``tasks`` with ``workers`` processes."""
    for folder in {task.path.parent for task in tasks}:
        folder.mkdir(parents=True, exist_ok=True)
    if workers == 1:
        _progress(map(draw_task, tasks), len(tasks))
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process per core already keeps them all busy
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        _progress(pool.map(draw_task, tasks, chunksize=8), len(tasks))


def _put_in_place(fresh: Path, out: Path) -> None:
    """Move what was drawn to ``out``: the old mark goes first, the pictures with the new one come last."""
    (out / _MARK).unlink(missing_ok=True)
    if (out / "images").exists():
        shutil.rmtree(out / "images")
    for name in (*(f"{phase}.txt" for phase in PHASES), "labels.txt", "images"):
        (fresh / name).replace(out / name)


def prepare(settings: Settings, out: Path, workers: int) -> bool:
    """Draw the set into ``out``; False when it is there already."""
    if is_done(settings, out):
        return False
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawing-", dir=out) as scratch:
        fresh = Path(scratch)
        tasks, lines = plan(settings, fresh)
        _draw_all(tasks, workers)
        for phase, listed in lines.items():
            (fresh / f"{phase}.txt").write_text("".join(f"{line}\n" for line in listed))
        names = [genus_name(number) for number in genus_numbers(settings)]
        (fresh / "labels.txt").write_text("".join(f"{name}\n" for name in names))
        (fresh / _MARK).write_text(_mark(settings))
        _put_in_place(fresh, out)
    return True


def _per_genus(text: str) -> dict[str, int]:
    """``train=10,val=10,test=20`` as numbers."""
    counts = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    if not counts or set(counts) - set(PHASES) or not all(value.isdigit() for value in counts.values()):
        raise argparse.ArgumentTypeError(f"'{text}' is not like train=10,val=10,test=20")
    return {phase: int(value) for phase, value in counts.items()}


def read_arguments(arguments: Sequence[str] | None) -> tuple[Settings, Path, int]:
    """Settings, folder and number of processes from the command line."""
    parser = argparse.ArgumentParser(description="Draw photo-like pictures of invented plants, and their lists.")
    parser.add_argument(
        "--set", choices=sorted(DEFAULTS), default="quickstart", help="which genera (default: quickstart)"
    )
    parser.add_argument("--genera", type=int, help="how many genera")
    parser.add_argument(
        "--per-genus", type=_per_genus, default={}, help="pictures per genus, as train=10,val=10,test=20"
    )
    parser.add_argument("--size", type=int, help="short side, pixels")
    parser.add_argument("--seed", type=int, help="another seed: other pictures of the same genera")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to (default: this one)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    given = parser.parse_args(arguments)
    chosen = {key: getattr(given, key) for key in ("genera", "size", "seed") if getattr(given, key) is not None}
    settings = Settings(**{**asdict(DEFAULTS[given.set]), **chosen, **given.per_genus})
    if not 1 <= settings.genera <= MOST_GENERA[settings.set]:
        parser.error(f"--genera must be 1..{MOST_GENERA[settings.set]} for the {settings.set} set")
    if not 32 <= settings.size <= 1024:
        parser.error("--size must be 32..1024 pixels")
    if settings.train < 1:
        parser.error("--per-genus needs at least train=1")
    if settings.seed < 0 or given.workers < 1:
        parser.error("--seed must be 0 or more and --workers 1 or more")
    return settings, given.out, given.workers


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for."""
    settings, out, workers = read_arguments(arguments)
    try:
        fresh = prepare(settings, out, workers)
    except OSError as error:
        print(f"drawn_flora: cannot write to {out}: {error.strerror or error}; choose another --out", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ndrawn_flora: stopped; {out} holds what it held before", file=sys.stderr)
        return 130
    total = settings.genera * (settings.train + settings.val + settings.test)
    state = "drew" if fresh else "already there:"
    print(f"{state} {total} pictures of {settings.genera} genera in {out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
