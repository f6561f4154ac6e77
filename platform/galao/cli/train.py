"""``galao train``: from a job to a bundle."""

import contextlib
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from galao.errors import DeviceError, GalaoError, PictureError, RunError

if TYPE_CHECKING:
    from torch import nn

    from galao.config.job import Job
    from galao.lists.sources import Lists
    from galao.nets.card import Card
    from galao.pictures.prepare import Preprocessing
    from galao.solver.run import Run
    from galao.solver.snapshot import Snapshot
    from galao.solver.solver import Solver

PARITY_PICTURES = 128
OUT_OF_MEMORY = (
    "the GPU's memory is full; halve data.train.batch_size and double solver.iter_size, "
    "and go on with --snapshot auto if the run has snapshots"
)


@click.command()
@click.argument("job_file", metavar="JOB", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY.KEY=VALUE]...")
@click.option(
    "--run", "run_folder", type=click.Path(path_type=Path), help="Folder of the run; default runs/<name>, or -2, -3 ..."
)
@click.option(
    "--snapshot",
    "snapshot_file",
    metavar="auto|FILE",
    help="Go on from a snapshot's .json file; auto: the newest one of the job's newest run.",
)
def train(job_file: Path, overrides: tuple[str, ...], run_folder: Path | None, snapshot_file: str | None) -> None:
    """Train as JOB says (a YAML file such as configs/quickstart/job.yaml), with fields changed by KEY.KEY=VALUE.

    Ends with a bundle in the run's folder and the accuracy on the test list. Ctrl-C stops with a snapshot.
    """
    from galao.config.load import load_job
    from galao.lists.sources import load_lists
    from galao.nets.source import find_source

    job = load_job(job_file, overrides)
    find_source(job.net.weights, job.net.name)
    folder, resume = _run_folder(job, run_folder, snapshot_file)
    seed = job.solver.random_seed if job.solver.random_seed >= 0 else random.SystemRandom().randrange(2**31)
    if resume is not None:
        seed = _seed_of(resume, seed)
    lists = load_lists(job, seed)
    job = _resolved(job, lists, seed)
    _train(job, lists, folder, resume)


def _run_folder(job: "Job", run_folder: Path | None, snapshot_file: str | None) -> tuple[Path, Path | None]:
    """The run's folder and, to go on, the snapshot's JSON file or the prefix to search with ``auto``."""
    from galao.solver.run import latest_run_folder, new_run_folder

    root = Path("runs")
    if snapshot_file is None:
        if run_folder is not None and (run_folder / "journal.jsonl").exists():
            raise RunError(f"{run_folder}: holds a run already; go on with --snapshot auto, or choose another --run")
        return run_folder or new_run_folder(root, job.name), None
    if snapshot_file != "auto":
        path = Path(snapshot_file)
        if not path.is_file() or path.suffix != ".json":
            raise RunError(f"--snapshot: {path} is not a snapshot's .json file; give one, or auto")
        return run_folder or (
            path.parent.parent if path.parent.name == "snapshots" else new_run_folder(root, job.name)
        ), path
    folder = run_folder or latest_run_folder(root, job.name)
    if folder is None:
        raise RunError(f"--snapshot auto: no run of {job.name} with a snapshot under {root}/; start without --snapshot")
    return folder, _prefix(job, folder)


def _prefix(job: "Job", folder: Path) -> Path:
    """Caffe's snapshot_prefix; one that ends in / or names a folder gets the job's name."""
    given = job.solver.snapshot_prefix
    if given is None:
        return folder / "snapshots" / job.name
    return Path(given) / job.name if given.endswith("/") or Path(given).is_dir() else Path(given)


def _seed_of(resume: Path, seed: int) -> int:
    """The seed that the run began with."""
    import json

    newest = max(resume.parent.glob(f"{resume.stem}*.json"), key=lambda p: p.stat().st_mtime_ns, default=resume)
    try:
        return int(json.loads(newest.read_text(encoding="utf-8"))["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return seed


def _resolved(job: "Job", lists: "Lists", seed: int) -> "Job":
    solver = job.solver.model_copy(update={"random_seed": seed})
    net = job.net.model_copy(update={"num_output": len(lists.labels)})
    return job.model_copy(update={"solver": solver, "net": net})


def _train(job: "Job", lists: "Lists", folder: Path, resume: Path | None) -> None:
    """All that needs torch."""
    import torch

    from galao.cli.progress import console
    from galao.config.load import dump_job
    from galao.data.loader import Loader, Skipped
    from galao.solver.device import choose_device
    from galao.solver.run import Run
    from galao.solver.signals import listening
    from galao.solver.solver import Solver

    device = choose_device(job.solver)
    screen = console()
    seed = job.solver.random_seed
    net, card, how, told = _net(job, lists, seed)
    moment = _snapshot(resume, screen.line)
    changes = _changes(folder / "job.yaml", job) if moment is not None else []
    run = Run(folder, screen)
    try:
        run.write("job.yaml", dump_job(job))
        counts = f"{len(lists.train)} train, {len(lists.val)} val, {len(lists.test)} test pictures"
        run.say(f"Run {folder}: {counts} of {len(lists.labels)} classes; seed {seed}")
        run.say(f"Device: {device}")
        for line in told:
            run.say(line)
        run.record("start", **_facts(job, lists, str(device), told))
        skipped = Skipped(job.data.broken_picture == "skip", run.say)
        with Loader(how, skipped, workers(job)) as loader, listening() as wishes:
            solver = Solver(job, net, lists, loader, device, run, _prefix(job, folder), seed)
            if moment is not None:
                solver.restore(moment)
                for change in changes:
                    run.say(f"The job changed since the run began: {change}")
            solver.solve(wishes)
            if skipped.reasons:
                run.write("skipped.tsv", "".join(f"{path}\t{why}\n" for path, why in sorted(skipped.reasons.items())))
                run.say(f"Skipped {len(skipped.reasons)} broken pictures; they are listed in {folder / 'skipped.tsv'}")
            if wishes.stop:
                run.say(f"Stopped; go on with: galao train {folder / 'job.yaml'} --run {folder} --snapshot auto")
                run.record("stop", iter=solver.progress.iteration, exit_code=wishes.exit_code)
                sys.exit(wishes.exit_code)
        screen.close()
        _ship(job, lists, solver, card, how, run)
    except torch.OutOfMemoryError:
        raise _recorded(run, DeviceError(OUT_OF_MEMORY)) from None
    except GalaoError as error:
        raise _recorded(run, error) from None
    finally:
        screen.close()
        run.close()


def _recorded(run: "Run", error: GalaoError) -> GalaoError:
    """The error, after the journal knows of it as far as the disk allows."""
    with contextlib.suppress(RunError):
        run.record("error", message=str(error))
    return error


def workers(job: "Job") -> int:
    """Threads that decode."""
    return job.data.workers or min(8, os.cpu_count() or 1)


def _net(job: "Job", lists: "Lists", seed: int) -> tuple["nn.Module", "Card", "Preprocessing", list[str]]:
    """The net with its starting weights, their card, the transform of the job, and what to tell about it."""
    import torch

    from galao.nets.card import default_card
    from galao.nets.preprocessing import resolve
    from galao.nets.source import find_source
    from galao.nets.weights import count, fit, load_weights
    from galao.nets.zoo import build, head_names

    torch.manual_seed(seed)
    net = build(job.net.name, len(lists.labels))
    weights = load_weights(find_source(job.net.weights, job.net.name), job.net.name, job.net.allow_noncommercial)
    card = weights.card if weights else default_card("random start")
    how = resolve(job.data.transform_param, card)
    told = [f"Net {job.net.name}: {count(net):,} learnable values, input {how.crop_size}x{how.crop_size}"]
    if weights is None:
        return net, card, how, [*told, "Weights: none, all blobs start random"]
    match = fit(net, weights, head_names(job.net.name), tuple(label.label for label in lists.labels))
    return net, card, how, [*told, f"Weights {card.source} (licence: {card.license}): {match}"]


def _snapshot(resume: Path | None, tell: Any) -> "Snapshot | None":
    from galao.solver.snapshot import load, load_newest

    if resume is None:
        return None
    return load(resume) if resume.suffix == ".json" else load_newest(resume, tell)


def _changes(before: Path, job: "Job") -> list[str]:
    """What a job says otherwise than the one that its run began with, as ``field: old -> new``."""
    from galao.config.load import load_job

    if not before.is_file():
        return []
    old, new = _flat(load_job(before).model_dump(mode="json")), _flat(job.model_dump(mode="json"))
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)]


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _facts(job: "Job", lists: "Lists", device: str, told: list[str]) -> dict[str, Any]:
    import platform

    import torch
    import torchvision

    return {
        "job": job.name,
        "device": device,
        "net": told,
        "train": len(lists.train),
        "val": len(lists.val),
        "test": len(lists.test),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }


def _ship(job: "Job", lists: "Lists", solver: "Solver", card: "Card", how: "Preprocessing", run: "Run") -> None:
    """Export the net, prove that the export answers alike, test it, and put the bundle in its place."""
    from galao.deploy.backends import OnnxBackend
    from galao.deploy.bundle import ONNX, SAFETENSORS, save_bundle
    from galao.deploy.export import check_parity, export_onnx
    from galao.report.evaluate import evaluate, prepared_arrays, table
    from galao.solver.run import told
    from galao.solver.snapshot import save_tensors

    started = time.monotonic()
    net = solver.ship().cpu().float()
    scratch = run.folder / ".export"
    with told(run.folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
    save_tensors(scratch / SAFETENSORS, net.state_dict())
    export_onnx(net, how.crop_size, scratch / ONNX)
    pictures = prepared_arrays(how, lists.test or lists.val or lists.train, PARITY_PICTURES)
    parity = check_parity(net, scratch / ONNX, pictures)
    run.say(f"Exported model.onnx in {time.monotonic() - started:.1f} s; {parity}")
    metrics: dict[str, Any] = {"val_top1": solver.progress.best_top1} if solver.progress.best_iteration >= 0 else {}
    failed: PictureError | None = None
    if lists.test:
        try:
            result = evaluate(
                OnnxBackend(scratch / ONNX, None), how, lists.test, workers(job), job.data.broken_picture == "skip"
            )
            metrics["test"] = result.accuracy.to_json()
            run.say("Test of the bundle:\n" + table(result.accuracy, lists.labels))
            run.record("final", **metrics["test"])
        except PictureError as error:
            failed = error
    license = (
        job.deploy.license
        if card.license == job.deploy.license
        else f"{job.deploy.license}; started from {card.source} ({card.license})"
    )
    bundle = save_bundle(
        run.folder / "bundle",
        name=job.name,
        version=job.deploy.version,
        task=job.task,
        net=job.net.name,
        labels=lists.labels,
        preprocessing=how,
        metrics=metrics,
        license=license,
        weights=card.source,
        files={ONNX: scratch / ONNX, SAFETENSORS: scratch / SAFETENSORS},
    )
    shutil.rmtree(scratch)
    run.say(f"Trained {solver.progress.iteration} updates in {solver.progress.seconds:.0f} s")
    run.say(f"Bundle: {bundle.folder}")
    if failed is not None:
        raise GalaoError(f"the bundle {bundle.folder} is whole, but was not tested: {failed}")
