"""``galao classify BUNDLE FILES...``: the best answers for pictures, as tables or as JSON lines."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from galao.errors import ListError

if TYPE_CHECKING:
    from galao.deploy.bundle import Bundle
    from galao.deploy.predictor import Answer

STDIN = "-"
MAX_BYTES = 256 * 1024 * 1024
BAR = 20


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True)
@click.option("--top-k", type=click.IntRange(1, 50), default=5, show_default=True, help="How many answers a picture.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per picture and line.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "onnx", "torch"]),
    default="auto",
    show_default=True,
    help="What runs the net; auto is torch with a GPU, else ONNX Runtime.",
)
def classify(bundle: Path, files: tuple[str, ...], top_k: int, as_json: bool, backend: str) -> None:
    """Name what the pictures FILES show, with the net in BUNDLE (a bundle's folder, or a finished run's).

    A folder among FILES stands for all pictures in it and below, in the order of their names; - reads one
    picture from standard input. A picture that cannot be used is named on standard error, the others are
    answered, and the exit code is 1.

    With --json, each picture is one line:

    \b
    {"file": "a.jpg", "task": "classify",
     "model": {"name": "flora", "version": "7", "digest": "sha256:..."}, "verdict": null,
     "predictions": [{"label": "rosa_canina", "name": "Rosa canina", "index": 41, "confidence": 0.87}],
     "image": {"width": 597, "height": 448, "format": "webp"}}

    and a picture that cannot be used

    \b
    {"file": "b.jpg", "problem": {"code": "broken_picture", "detail": "..."}}
    """  # noqa: D301 - click's own mark for lines to keep as they are
    from galao.deploy.bundle import find_bundle
    from galao.deploy.predictor import Predictor
    from galao.pictures.decode import OWN_PICTURES

    refuse_empty_folders(files)
    predictor = Predictor.load(find_bundle(bundle), backend=backend)
    show = write_json if as_json else table_writer()
    failed = 0
    for answer in predictor.predict_sources(sources(files), top_k, replace(OWN_PICTURES, max_bytes=MAX_BYTES)):
        if answer.error is not None:
            failed += 1
            click.echo(f"galao: {complaint(answer)}", err=True)
        show(answer, predictor.bundle)
    if failed:
        raise SystemExit(1)


def sources(files: tuple[str, ...]) -> Iterator[Path | bytes]:
    """Yield each argument's pictures: a file, a folder's pictures, or the bytes of standard input."""
    for file in files:
        if file == STDIN:
            yield sys.stdin.buffer.read(MAX_BYTES + 1)
        elif Path(file).is_dir():
            yield from pictures_below(Path(file))
        else:
            yield Path(file)


def pictures_below(folder: Path) -> Iterator[Path]:
    """Yield the pictures in ``folder`` and below, known by their endings, sorted; hidden folders are left out."""
    from galao.lists.listfile import PICTURE_SUFFIXES

    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in PICTURE_SUFFIXES and not name.startswith("."):
                yield Path(parent, name)


def refuse_empty_folders(files: tuple[str, ...]) -> None:
    """Say so before a net is loaded when a folder has nothing to answer.

    Raises:
        ListError: a folder holds no picture.
    """
    for file in files:
        if Path(file).is_dir() and next(pictures_below(Path(file)), None) is None:
            raise ListError(
                f"the folder {file} holds no pictures (.jpg, .png, .webp, ...); give files or another folder"
            )


def complaint(answer: "Answer") -> str:
    """Return the picture's error on one line that names the file."""
    name, message = name_of(answer), printable(str(answer.error))
    return message if name in message else f"{name}: {message}"


def name_of(answer: "Answer") -> str:
    """Return what a person calls the picture: its path, or - for standard input."""
    return STDIN if isinstance(answer.source, bytes) else printable(click.format_filename(answer.source))


def printable(text: str) -> str:
    """Let no control character of a file's name reach the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def to_json(answer: "Answer", bundle: "Bundle") -> dict[str, Any]:
    """Return one picture's answer in the words of the service's contract."""
    if answer.error is not None:
        problem = {"code": answer.error.code, "detail": printable(str(answer.error))}
        return {"file": name_of(answer), "problem": problem}
    return {
        "file": name_of(answer),
        "task": bundle.task,
        "model": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "verdict": None,
        "predictions": [
            {"label": one.label, "name": one.name, "index": one.index, "confidence": one.confidence}
            for one in answer.predictions
        ],
        "image": {"width": answer.width, "height": answer.height, "format": answer.format},
    }


def write_json(answer: "Answer", bundle: "Bundle") -> None:
    """Print one picture as one line of JSON."""
    click.echo(json.dumps(to_json(answer, bundle), ensure_ascii=False))


def table_writer() -> Any:
    """Return what prints a table: drawn by rich on a terminal, else plain aligned text."""
    return write_table if sys.stdout.isatty() else write_text


def write_text(answer: "Answer", _: "Bundle") -> None:
    """Print one picture as plain lines: its name, then rank, confidence and name, aligned."""
    if answer.error is not None:
        return
    click.echo(name_of(answer))
    for rank, one in enumerate(answer.predictions, 1):
        label = "" if one.label == one.name else f"  ({one.label})"
        click.echo(f"{rank:4d}  {percent(one.confidence)}  {one.name}{label}")


def write_table(answer: "Answer", _: "Bundle") -> None:
    """Print one picture as a table with bars."""
    if answer.error is not None:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(name_of(answer)), title_justify="left")
    for heading, side in (("", "right"), ("name", "left"), ("label", "left"), ("confidence", "right"), ("", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for rank, one in enumerate(answer.predictions, 1):
        bar = Text("█" * round(one.confidence * BAR), style="green")
        table.add_row(str(rank), Text(one.name), Text(one.label), percent(one.confidence), bar)
    Console().print(table)


def percent(confidence: float) -> str:
    """Return a share as a percentage of seven characters: ``87.3 %``, ``<0.1 %``."""
    return f"{'<0.1' if 0 < confidence < 0.0005 else format(100 * confidence, '.1f'):>5} %"
