"""A run's folder: the resolved job, journal, log, snapshots, what was skipped, and in the end the bundle."""

import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from galao.errors import RunError

LAST = "last"  # names the .json file of the run's newest snapshot
ODD_NAMES = "backslashreplace"  # file names that are not UTF-8 are told, not died of


class Run:
    """One folder under runs/. Everything is appended or renamed into place; nothing is overwritten half-way."""

    def __init__(self, folder: Path, console: "Console") -> None:
        self.folder = folder
        self.console = console
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
            self._log = (folder / "train.log").open("a", encoding="utf-8", errors=ODD_NAMES, buffering=1)
            self._journal = (folder / "journal.jsonl").open("a", encoding="utf-8", errors=ODD_NAMES, buffering=1)

    def close(self) -> None:
        """Close the log and the journal, let others in, leave the terminal as it was."""
        self.console.close()
        for file in (self._log, self._journal, self._lock):
            with suppress(OSError):  # a full disk has been told already
                file.close()

    def _take_lock(self) -> IO[str]:
        lock = (self.folder / ".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise RunError(
                f"{self.folder}: another process is training in this run; wait for it, or choose --run"
            ) from None
        return lock

    def say(self, message: str) -> None:
        """One line on the console and, as glog would write it, in train.log."""
        self.console.line(message)
        with told(self.folder):
            self._log.writelines(glog(line) + "\n" for line in message.splitlines() if line.strip())

    def record(self, kind: str, **fields: Any) -> None:
        """One line of journal.jsonl."""
        with told(self.folder):
            self._journal.write(json.dumps({"kind": kind, "time": round(time.time(), 3), **fields}) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a small file of the run whole or not at all."""
        write_whole(self.folder / name, text.encode(errors=ODD_NAMES))

    def note_skipped(self, reasons: Mapping[Path, str]) -> None:
        """Add broken pictures to skipped.tsv, each once, and say how many there are."""
        if not reasons:
            return
        path = self.folder / "skipped.tsv"
        known = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        lines = sorted({*known, *(f"{picture}\t{why}" for picture, why in reasons.items())})
        self.write(path.name, "".join(f"{line}\n" for line in lines))
        self.say(f"Skipped {len(lines)} broken pictures so far; they are listed in {path}")


class Console:
    """What a person sees while training; the plain one prints a line per message."""

    def __init__(self) -> None:
        self._gone = False

    def line(self, message: str) -> None:
        """Print a line; a reader that has gone away does not end a training, train.log has every line."""
        if self._gone:
            return
        try:
            print(message, flush=True)
        except OSError:
            self._gone = True
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the rest of the process

    def progress(self, done: int, total: int, loss: float, rate: float, images_per_s: float) -> None:
        """Show how far it is; the plain console leaves that to the display lines."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def glog(message: str) -> str:
    """A line as Caffe's logger shapes it, so that its parse_log and plotting scripts read it."""
    now = time.time()
    stamp = time.strftime("%m%d %H:%M:%S", time.localtime(now))
    return f"I{stamp}.{int(now % 1 * 1e6):06d} {os.getpid()} solver.py:1] {message}"


def new_run_folder(root: Path, name: str) -> Path:
    """runs/<name>, or <name>-2, -3 ... so that no earlier run is touched."""
    folder, k = root / name, 1
    while folder.exists():
        k += 1
        folder = root / f"{name}-{k}"
    return folder


def latest_run_folder(root: Path, name: str) -> Path | None:
    """The newest run of a job that has snapshots."""
    found = [f for f in root.glob(f"{name}*") if _is_run_of(f.name, name) and (f / LAST).is_file()]
    return max(found, key=lambda f: (f / LAST).stat().st_mtime_ns, default=None)


def _is_run_of(folder: str, name: str) -> bool:
    rest = folder.removeprefix(name)
    return rest == "" or (rest.startswith("-") and rest[1:].isdecimal())


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Turn what a file system can refuse into one line.

    Raises:
        RunError: disk full, no permission, read-only, or another error of the operating system.
    """
    try:
        yield
    except OSError as error:
        remedy = {
            errno.ENOSPC: "the disk is full; free some space, then go on with --snapshot auto",
            errno.EDQUOT: "the disk quota is used up; free some space, then go on with --snapshot auto",
            errno.EACCES: "no permission to write there; choose another folder with --run",
            errno.EROFS: "that file system is read-only; choose another folder with --run",
        }.get(error.errno or 0, f"{error.strerror or error}; choose another folder with --run")
        raise RunError(f"{error.filename or place}: {remedy}") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write to a temporary file, flush it to the disk, rename it into place."""
    partial = path.with_name(f".{path.name}.part")
    with told(path):
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def probe(prefix: Path) -> None:
    """Find out at the start whether files can be written where they must be in the end, as Caffe does.

    Raises:
        RunError: they cannot.
    """
    with told(prefix.parent):
        prefix.parent.mkdir(parents=True, exist_ok=True)
    write_whole(prefix.with_name(f".{prefix.name}.probe"), b"")
    prefix.with_name(f".{prefix.name}.probe").unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
