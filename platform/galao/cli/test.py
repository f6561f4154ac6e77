"""``galao test``: how often a bundle is right."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from galao.errors import ListError

if TYPE_CHECKING:
    from galao.deploy.bundle import Bundle
    from galao.records import Sample


@click.command()
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.argument("source", metavar="[LIST|FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--root-folder", type=click.Path(path_type=Path), help="Folder that the list's paths are relative to.")
@click.option("--skip-broken", is_flag=True, help="Leave out pictures that do not decode, and name them.")
@click.option("--backend", default="auto", type=click.Choice(["auto", "onnx", "torch"]), help="What runs the net.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def test(
    bundle: Path, source: Path | None, root_folder: Path | None, skip_broken: bool, backend: str, as_json: bool
) -> None:
    """Count right answers of BUNDLE (or of a run) over a test list, or a folder with one folder per class.

    Without LIST, opens the test list of the job that made the bundle. Each picture counts once; shares come with
    their 95 % Wilson intervals, the classes worst first.
    """
    from galao.deploy.bundle import find_bundle, load_bundle
    from galao.deploy.predictor import open_backend
    from galao.report.evaluate import evaluate, table

    whole = load_bundle(find_bundle(bundle))
    samples = _samples(whole, source, root_folder)
    workers = min(8, os.cpu_count() or 1)
    result = evaluate(open_backend(whole, backend), whole.preprocessing, samples, workers, skip_broken)
    for _, why in result.skipped:
        click.echo(f"skipped: {why}", err=True)
    if as_json:
        classes = {
            label.label: {"correct": share.correct, "n": share.n}
            for label, share in zip(whole.labels, result.accuracy.per_class, strict=True)
        }
        facts = {
            "bundle": whole.digest,
            **result.accuracy.to_json(),
            "skipped": len(result.skipped),
            "classes": classes,
        }
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(table(result.accuracy, whole.labels))


def _samples(bundle: "Bundle", source: Path | None, root: Path | None) -> "list[Sample]":
    from galao.config.load import load_job
    from galao.lists.listfile import read_folder, read_list
    from galao.lists.sources import load_phase

    if source is not None:
        if source.is_dir():
            return read_folder(source, bundle.labels)[1]
        return read_list(source, root, bundle.num_output)
    job_file = bundle.folder.parent / "job.yaml"
    if not job_file.is_file():
        raise ListError(f"{bundle.folder}: no job.yaml beside this bundle says what to test on; name a LIST or FOLDER")
    job = load_job(job_file)
    if job.data.test is None:
        raise ListError(f"{job_file}: the job has no data.test; name a LIST or a FOLDER to test on")
    return load_phase(job.data.test, bundle.labels)
