"""Caffe's list files and labels, read strictly: what Caffe turns into class 0 without a word is an error here.

A list has one picture per line: its path, one space, its integer class; the split is at the last space, so paths may
hold spaces. labels.txt has one label per line, line k (from 0) is class k; synset_words.txt has an identifier, a space
and comma-separated names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from galao.errors import ListError
from galao.records import Sample

PICTURE_SUFFIXES = frozenset(
    f".{ending}"
    for ending in "jpg jpeg jpe jfif png webp avif gif tif tiff bmp mpo heic heif".split()  # noqa: SIM905
)
_SYNSET = re.compile(r"^n[0-9]{8}(\s|$)")
_INDEX = re.compile(r"^[0-9]{1,9}$")


@dataclass(frozen=True, slots=True)
class Label:
    """A class: ``label`` is its identifier, ``name`` what a person reads."""

    label: str
    name: str


def read_labels(path: Path) -> tuple[Label, ...]:
    """Labels of labels.txt or synset_words.txt, in class order.

    Raises:
        ListError: the file cannot be read, is empty, has a blank line inside or a label twice.
    """
    lines = _lines(path)
    synsets = bool(lines) and all(_SYNSET.match(line) for line in lines)
    labels = tuple(_label(path, k, line, synsets) for k, line in enumerate(lines))
    if not labels:
        raise ListError(f"{path}: no labels in it; write one label per line, line k is class k - 1")
    seen: dict[str, int] = {}
    for k, label in enumerate(labels):
        if label.label in seen:
            raise ListError(
                f"{path}:{k + 1}: label {label.label!r} is on line {seen[label.label] + 1} too; each class has one line"
            )
        seen[label.label] = k
    return labels


def _label(path: Path, k: int, line: str, synset: bool) -> Label:
    text = line.strip()
    if not text:
        raise ListError(f"{path}:{k + 1}: blank line among the labels; line k is class k - 1, so none may be empty")
    if not synset:
        return Label(text, text.replace("_", " "))
    identifier, _, names = text.partition(" ")
    return Label(identifier, names.split(",")[0].strip() or identifier)


def read_list(path: Path, root: Path | None = None, num_output: int | None = None) -> list[Sample]:
    """Samples of a list file; relative paths start at ``root``, or else at the list's own folder.

    Raises:
        ListError: naming file and line, for a line without a label, a label that is not an integer in
            0..num_output-1, a picture that is not there, or a list with no line.
    """
    base = path.parent if root is None else root
    samples = [_sample(path, k, line, base, num_output) for k, line in enumerate(_lines(path)) if line.strip()]
    if not samples:
        raise ListError(f"{path}: the list is empty; write one line per picture: its path, a space, its class index")
    return samples


def _sample(path: Path, k: int, line: str, base: Path, num_output: int | None) -> Sample:
    name, space, index = line.rpartition(" ")
    if not space or not name.strip():
        raise ListError(
            f"{path}:{k + 1}: no class index after the path in {_short(line)}; write: path, one space, index"
        )
    if not _INDEX.match(index):
        raise ListError(
            f"{path}:{k + 1}: the class index {index!r} is not an integer from 0 up; write: path, one space, index"
        )
    if num_output is not None and int(index) >= num_output:
        raise ListError(
            f"{path}:{k + 1}: class index {index} is out of range: there are {num_output} labels, 0 to {num_output - 1}"
        )
    picture = base / name
    if not picture.is_file():
        raise ListError(f"{path}:{k + 1}: no picture at {picture}; mend the line, or set root_folder")
    return Sample(picture, int(index))


def read_folder(path: Path, labels: Sequence[Label] | None = None) -> tuple[tuple[Label, ...], list[Sample]]:
    """Labels and samples of a folder with one folder per class, classes and pictures in sorted order.

    With ``labels`` given, the folders must be among them and take their classes.

    Raises:
        ListError: no class folder, an empty one, or one that is not among the labels.
    """
    folders = sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))
    if not folders:
        raise ListError(f"{path}: no class folders in it; make one folder per class and put its pictures there")
    known = tuple(labels) if labels else tuple(Label(f.name, f.name.replace("_", " ")) for f in folders)
    index = {label.label: k for k, label in enumerate(known)}
    samples: list[Sample] = []
    for folder in folders:
        if not folder.name.isprintable():  # such as Latin-1 from an old disk
            raise ListError(f"{str(folder)!r}: the name of this class folder is not valid UTF-8 text; rename it")
        if folder.name not in index:
            raise ListError(
                f"{folder}: this class folder is not among the {len(known)} labels; rename it or add its label"
            )
        pictures = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
        if not pictures:
            raise ListError(f"{folder}: no pictures in this class folder; add some or remove the folder")
        samples += [Sample(picture, index[folder.name]) for picture in pictures]
    return known, samples


def _lines(path: Path) -> list[str]:
    if path.exists() and not path.is_file():
        raise ListError(f"{path}: not a file; give a list file or a folder per class")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListError(f"{path}: not a text file (byte {error.start} is not UTF-8)") from None
    except OSError as error:
        raise ListError(f"{path}: cannot be read ({error.strerror}); give a list file or a folder per class") from None
    lines = [line.rstrip("\r") for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
