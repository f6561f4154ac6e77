"""The lists of a job: its labels and the samples of each phase, checked against each other before anything is built."""

import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from galao.config.data import DataConfig, Phase
from galao.config.job import Job
from galao.errors import ListError
from galao.lists.listfile import Label, read_folder, read_labels, read_list
from galao.records import Sample


@dataclass(frozen=True)
class Lists:
    """What a job trains on, watches and tests on."""

    labels: tuple[Label, ...]
    train: list[Sample]
    val: list[Sample]
    test: list[Sample]


def load_lists(job: Job, seed: int) -> Lists:
    """Read labels and samples of all phases; ``seed`` chooses the pictures of ``val_fraction``.

    Raises:
        ListError: a list, its labels and num_output do not agree, or a picture is not there.
    """
    data = job.data
    labels = load_labels(data)
    if len(labels) < 2:
        raise ListError(f"{data.train.source}: one label only ({labels[0].label}); a net tells apart two or more")
    if job.net.num_output is not None and job.net.num_output != len(labels):
        raise ListError(
            f"net.num_output is {job.net.num_output}, but there are {len(labels)} labels; "
            "make them agree, or leave num_output out"
        )
    train = load_phase(data.train, labels)
    val = load_phase(data.val, labels) if data.val else []
    if data.val_fraction is not None:
        train, val = hold_back(train, data.val_fraction, seed)
    test = load_phase(data.test, labels) if data.test else []
    _require_every_class(data.train.source, train, labels)
    return Lists(labels, train, val, test)


def load_labels(data: DataConfig) -> tuple[Label, ...]:
    """The classes in order: the labels file of the job, or the one beside the train list, or the class folders."""
    source = Path(data.train.source)
    if data.labels is not None:
        return read_labels(Path(data.labels))
    if source.is_dir():
        return read_folder(source)[0]
    if not source.exists():
        raise ListError(
            f"data.train.source: nothing at {source}; give a list file or a folder with one folder per class"
        )
    for name in ("labels.txt", "synset_words.txt"):
        if (source.parent / name).is_file():
            return read_labels(source.parent / name)
    raise ListError(f"{source}: no labels.txt beside this list; write one label per line there, or set data.labels")


def load_phase(phase: Phase, labels: tuple[Label, ...]) -> list[Sample]:
    """Samples of one phase, from a list file or a folder per class."""
    source = Path(phase.source)
    if source.is_dir():
        if phase.root_folder is not None:
            raise ListError(f"root_folder is for list files; {source} is a folder with one folder per class")
        return read_folder(source, labels)[1]
    root = Path(phase.root_folder) if phase.root_folder is not None else None
    return read_list(source, root, len(labels))


def hold_back(samples: list[Sample], fraction: float, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Split off a share of each class, at least one picture and never all: (kept, held back).

    The choice follows a hash of seed and path, so it does not depend on the order of the list.
    """
    by_class: dict[int, list[Sample]] = {}
    for sample in samples:
        by_class.setdefault(sample.index, []).append(sample)
    held: set[Sample] = set()
    for index, members in by_class.items():
        if len(members) < 2:
            raise ListError(f"val_fraction: class {index} has {len(members)} picture; it takes 2 to hold one back")
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        held.update(sorted(members, key=lambda s: (zlib.crc32(f"{seed} {s.path.name}".encode()), s.path))[:count])
    return [s for s in samples if s not in held], [s for s in samples if s in held]


def _require_every_class(source: str, train: list[Sample], labels: tuple[Label, ...]) -> None:
    counts = Counter(sample.index for sample in train)
    missing = [label.label for k, label in enumerate(labels) if not counts[k]]
    if missing:
        shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        raise ListError(
            f"{source}: no training picture for {len(missing)} of {len(labels)} labels ({shown}); "
            "add pictures, or take the labels out"
        )
