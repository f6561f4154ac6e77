"""``galao train``: from a job to a bundle."""

import contextlib
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from galao.errors import DeviceError, GalaoError, JobError, RunError

if TYPE_CHECKING:
    from torch import nn

    from galao.cli.resume import Start
    from galao.config.job import Job
    from galao.lists.sources import Lists
    from galao.nets.card import Card
    from galao.pictures.prepare import Preprocessing
    from galao.solver.run import Run
    from galao.solver.snapshot import Snapshot

OUT_OF_MEMORY = (
    "the memory is full; halve data.train.batch_size and double solver.iter_size, "
    "and go on with --snapshot auto if the run has snapshots"
)


@click.command()
@click.argument("job_file", metavar="JOB", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY.KEY=VALUE]...")
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    help="Folder of the run; default runs/<name>, or -2, -3 ...",
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
    from galao.cli.resume import find_start
    from galao.config.load import load_job
    from galao.lists.sources import load_lists
    from galao.nets.source import find_source

    job = load_job(job_file, overrides, files=True)
    find_source(job.net.weights, job.net.name)
    start = find_start(job, run_folder, snapshot_file)
    moment = start.load(click.echo)
    seed = _seed(job, moment)
    lists = load_lists(job, seed)
    _train(_resolved(job, lists, seed), lists, start, moment)


def _seed(job: "Job", moment: "Snapshot | None") -> int:
    """The job's seed, or the one that the run began with, or a new one from the system."""
    given = job.solver.random_seed
    if moment is not None:
        if given not in (-1, moment.seed) and given >= 0:
            raise RunError(
                f"solver.random_seed: {given}, but the snapshot's run has {moment.seed}; leave it out to go on"
            )
        return moment.seed
    return given if given >= 0 else random.SystemRandom().randrange(2**31)


def _resolved(job: "Job", lists: "Lists", seed: int) -> "Job":
    solver = job.solver.model_copy(update={"random_seed": seed})
    net = job.net.model_copy(update={"num_output": len(lists.labels)})
    return job.model_copy(update={"solver": solver, "net": net})


def _train(job: "Job", lists: "Lists", start: "Start", moment: "Snapshot | None") -> None:
    """All that needs torch."""
    import torch

    from galao.cli.progress import console
    from galao.cli.resume import RUNS, changes
    from galao.solver.device import choose_device
    from galao.solver.run import Run, new_run_folder

    device = choose_device(job.solver)
    net, card, how, told = _net(job, lists)
    folder = start.folder or new_run_folder(RUNS, job.name)
    told += [f"The job changed since the run began: {change}" for change in changes(folder / "job.yaml", job)]
    run = Run(folder, console())
    try:
        counts = f"{len(lists.train)} train, {len(lists.val)} val, {len(lists.test)} test pictures"
        run.say(f"Run {folder}: {counts} of {len(lists.labels)} classes; seed {job.solver.random_seed}")
        run.say(f"Device: {device}")
        for line in told:
            run.say(line)
        run.record("start", **_facts(job, lists, str(device), told))
        _solve_and_ship(job, lists, net, card, how, device, run, moment)
    except torch.OutOfMemoryError:
        raise _recorded(run, DeviceError(OUT_OF_MEMORY)) from None
    except GalaoError as error:
        raise _recorded(run, error) from None
    finally:
        run.close()


def _solve_and_ship(
    job: "Job",
    lists: "Lists",
    net: "nn.Module",
    card: "Card",
    how: "Preprocessing",
    device: Any,
    run: "Run",
    moment: "Snapshot | None",
) -> None:
    from galao.cli.resume import prefix_of
    from galao.cli.ship import ship
    from galao.config.load import dump_job
    from galao.data.loader import Loader, Skipped
    from galao.solver.signals import listening
    from galao.solver.solver import Solver

    skipped = Skipped(job.data.broken_picture == "skip", run.say)
    with Loader(how, skipped, workers(job)) as loader, listening() as wishes:
        solver = Solver(job, net, lists, loader, device, run, prefix_of(job, run.folder), job.solver.random_seed)
        if moment is not None:
            solver.restore(moment)
        run.write("job.yaml", dump_job(job))
        try:
            solver.solve(wishes)
        finally:
            run.note_skipped(skipped.reasons)
    if wishes.stop:
        run.say(f"Stopped; go on with: galao train {run.folder / 'job.yaml'} --run {run.folder} --snapshot auto")
        run.record("stop", iter=solver.progress.iteration, exit_code=wishes.exit_code)
        sys.exit(wishes.exit_code)
    run.console.close()
    ship(job, lists, solver, card, how, run, workers(job))


def _recorded(run: "Run", error: GalaoError) -> GalaoError:
    """The error, after the journal knows of it as far as the disk allows."""
    with contextlib.suppress(RunError):
        run.record("error", message=str(error))
    return error


def workers(job: "Job") -> int:
    """Threads that decode."""
    return job.data.workers or min(8, os.cpu_count() or 1)


def _net(job: "Job", lists: "Lists") -> tuple["nn.Module", "Card", "Preprocessing", list[str]]:
    """The net with its starting weights, their card, the transform of the job, and what to tell about it.

    All that can be wrong with them is found here, before a run's folder exists.
    """
    import torch

    from galao.deploy.export import MAX_BYTES
    from galao.nets.card import default_card
    from galao.nets.preprocessing import resolve
    from galao.nets.source import find_source
    from galao.nets.surgery import multipliers
    from galao.nets.weights import count, fit, load_weights
    from galao.nets.zoo import build, head_names

    torch.manual_seed(job.solver.random_seed)
    net = build(job.net.name, len(lists.labels))
    head = head_names(job.net.name)
    if 4 * count(net) > MAX_BYTES:
        raise JobError(f"net.name: {job.net.name} is over 2 GB, more than a model.onnx can hold; choose a smaller net")
    multipliers(net, job.net, job.solver.layer_decay, head)
    weights = load_weights(find_source(job.net.weights, job.net.name), job.net.name, job.net.allow_noncommercial)
    card = weights.card if weights else default_card("random start")
    how = resolve(job.data.transform_param, card)
    _try_forward(job, net, how)
    told = [f"Net {job.net.name}: {count(net):,} learnable values, input {how.crop_size}x{how.crop_size}"]
    if weights is None:
        return net, card, how, [*told, "Weights: none, all blobs start random"]
    match = fit(net, weights, head, tuple(label.label for label in lists.labels))
    return net, card, how, [*told, f"Weights {card.source} (licence: {card.license}): {match}"]


def _try_forward(job: "Job", net: "nn.Module", how: "Preprocessing") -> None:
    """One small batch through the net, so that a net that cannot read such pictures is told before anything is written.

    Raises:
        JobError: the crop is too small for the net, or one picture too few for its batch norm.
    """
    import torch

    n = min(2, job.data.train.batch_size)
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    try:
        with torch.no_grad():
            net.train()(torch.zeros(n, 3, how.crop_size, how.crop_size))
    except (RuntimeError, AssertionError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())[:120]
        raise JobError(
            f"net.name: {job.net.name} cannot learn from {n} pictures of {how.crop_size}x{how.crop_size} ({reason}); "
            "change data.transform_param.crop_size or data.train.batch_size"
        ) from None
    for name, buffer in net.named_buffers():
        buffer.copy_(kept[name])


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
