"""The end of a run: export the net, prove that the export answers alike, test it, put the bundle in its place."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from galao.deploy.backends import OnnxBackend
from galao.deploy.bundle import ONNX, SAFETENSORS, save_bundle
from galao.deploy.export import check_parity, export_onnx
from galao.errors import GalaoError, ListError, PictureError
from galao.report.evaluate import evaluate, prepared_arrays, table
from galao.solver.run import told
from galao.solver.snapshot import save_tensors

if TYPE_CHECKING:
    from galao.config.job import Job
    from galao.lists.sources import Lists
    from galao.nets.card import Card
    from galao.pictures.prepare import Preprocessing
    from galao.solver.run import Run
    from galao.solver.solver import Solver

PARITY_PICTURES = 128


def ship(
    job: "Job", lists: "Lists", solver: "Solver", card: "Card", how: "Preprocessing", run: "Run", workers: int
) -> None:
    """Make the bundle of a finished run.

    Raises:
        BundleError: the export disagrees with the net, or the disk refuses.
        GalaoError: the bundle is whole, but its test list could not be counted.
    """
    scratch = run.folder / ".export"
    with told(run.folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
    try:
        _export(solver, lists, how, run, scratch)
        metrics, failed = _metrics(job, lists, solver, how, run, scratch, workers)
        bundle = save_bundle(
            run.folder / "bundle",
            name=job.name,
            version=job.deploy.version,
            task=job.task,
            net=job.net.name,
            labels=lists.labels,
            preprocessing=how,
            metrics=metrics,
            license=_license(job, card),
            weights=card.source,
            files={name: scratch / name for name in (ONNX, SAFETENSORS)},
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    run.say(f"Trained {solver.progress.iteration} updates in {solver.progress.seconds:.0f} s")
    run.say(f"Bundle: {bundle.folder}")
    if failed is not None:
        raise GalaoError(f"the bundle {bundle.folder} is whole, but was not tested: {failed}")


def _export(solver: "Solver", lists: "Lists", how: "Preprocessing", run: "Run", scratch: Path) -> None:
    started = time.monotonic()
    net = solver.ship().cpu().float()
    save_tensors(scratch / SAFETENSORS, net.state_dict())
    export_onnx(net, how.crop_size, scratch / ONNX)
    parity = check_parity(net, scratch / ONNX, _some_pictures(how, lists))
    run.say(f"Exported model.onnx in {time.monotonic() - started:.1f} s; {parity}")


def _some_pictures(how: "Preprocessing", lists: "Lists") -> NDArray[np.float32]:
    """Prepared pictures to compare on: of test, or else of val, or else of train."""
    for samples in (lists.test, lists.val, lists.train):
        arrays = prepared_arrays(how, samples, PARITY_PICTURES)
        if len(arrays):
            return arrays
    raise ListError("no picture of this job decodes any more, so the exported net cannot be checked")


def _metrics(
    job: "Job", lists: "Lists", solver: "Solver", how: "Preprocessing", run: "Run", scratch: Path, workers: int
) -> tuple[dict[str, Any], GalaoError | None]:
    """What the bundle says of its worth; a test list that cannot be counted does not cost the bundle."""
    metrics: dict[str, Any] = {}
    if solver.progress.best_iteration >= 0:
        metrics["val_top1"] = solver.progress.best_top1
    if not lists.test:
        return metrics, None
    try:
        skip = job.data.broken_picture == "skip"
        result = evaluate(OnnxBackend(scratch / ONNX, None), how, lists.test, workers, skip)
    except (PictureError, ListError) as error:
        return metrics, error
    run.note_skipped(dict(result.skipped))
    metrics["test"] = result.accuracy.to_json()
    run.say("Test of the bundle:\n" + table(result.accuracy, lists.labels))
    run.record("final", **metrics["test"])
    return metrics, None


def _license(job: "Job", card: "Card") -> str:
    if card.license == job.deploy.license:
        return card.license
    return f"{job.deploy.license}; started from {card.source} ({card.license})"
