"""The loop: learns, goes on after a stop as if it had not stopped, and never keeps what is not worth keeping."""

import json
import math
import os
import re
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from galao.config.job import Job
from galao.config.net import NetConfig
from galao.data.loader import Loader, Skipped
from galao.errors import Diverged, RunError
from galao.lists.sources import load_lists
from galao.nets.surgery import freeze, multipliers
from galao.nets.zoo import build
from galao.pictures.prepare import Preprocessing
from galao.solver.device import choose_device
from galao.solver.run import Console, Run
from galao.solver.signals import listening
from galao.solver.snapshot import load, load_newest
from galao.solver.solver import Solver, updates_in_all

HOW = Preprocessing(crop_size=32, short_side=40, mean=(125.0,) * 3, scale=(1 / 60,) * 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_stripes):
    return write_stripes(tmp_path_factory.mktemp("stripes"), {"train": 8, "val": 4})


class Quiet(Console):
    """Keeps lines; ``at`` maps an iteration to what happens then."""

    def __init__(self, at=None):
        self.lines = []
        self.at = at or {}

    def line(self, message):
        self.lines.append(message)

    def progress(self, done, total, loss, rate, images_per_s):
        self.at.pop(done, lambda: None)()


@pytest.fixture
def make(data, tmp_path):
    opened = []

    def solver(name="a", console=None, val=True, plain=False, batch_size=6, **fields):
        train = {"source": str(data / "train.txt"), "batch_size": batch_size, "transform_param": {"mirror": True}}
        phases = {"train": train}
        if val:
            phases["val"] = {"source": str(data / "val.txt")}
        settings = {
            "base_lr": 0.01,
            "lr_policy": "fixed",
            "max_iter": 8,
            "momentum": 0.9,
            "display": 1,
            "random_seed": 3,
        }
        job = Job.model_validate(
            {"name": name, "data": phases, "net": {"name": "shufflenet_v2_x0_5"}, "solver": settings | fields}
        )
        torch.manual_seed(3)
        run = Run(tmp_path / name, console or Quiet())
        loader = Loader(HOW, Skipped(False, print), 2)
        opened.extend((loader, run))
        net = without_batch_norm() if plain else build("shufflenet_v2_x0_5", 3)
        lists = load_lists(job, 3)
        return Solver(job, net, lists, loader, choose_device(job.solver), run, run.folder / "snapshots" / name, 3)

    yield solver
    for thing in opened:
        thing.close()


def without_batch_norm():
    return nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


def solve(solver):
    with listening() as wishes:
        solver.solve(wishes)
    return wishes


def journal(solver, kind):
    lines = (solver.run.folder / "journal.jsonl").read_text().splitlines()
    return [fields for fields in map(json.loads, lines) if fields["kind"] == kind]


def test_it_learns_to_tell_stripes_apart(make):
    solver = make(plain=True, max_iter=300, type="Adam", base_lr=0.02, display=20, test_interval=50)
    solve(solver)
    assert solver.progress.best_top1 >= 0.9
    losses = [fields["loss"] for fields in journal(solver, "train")]
    assert losses[-1] < losses[0] / 2


def test_the_test_at_iteration_n_sees_exactly_n_updates(make):
    solver = make(test_interval=4)
    solve(solver)
    assert [fields["iter"] for fields in journal(solver, "test")] == [0, 4, 8]
    assert [fields["iter"] for fields in journal(solver, "train")] == list(range(9))
    assert all(fields["n"] == 12 for fields in journal(solver, "test"))


def test_without_test_initialization_the_first_test_is_later(make):
    solver = make(test_interval=4, test_initialization=False)
    solve(solver)
    assert [fields["iter"] for fields in journal(solver, "test")] == [4, 8]


def test_the_shown_loss_is_averaged_over_the_last_iterations(make):
    plain, smooth = make("plain", val=False), make("smooth", val=False, average_loss=3)
    solve(plain)
    solve(smooth)
    losses = [fields["loss"] for fields in journal(plain, "train")]
    shown = [fields["loss"] for fields in journal(smooth, "train")]
    assert shown[5] == pytest.approx(sum(losses[3:6]) / 3, rel=1e-5)


def test_iter_size_makes_one_update_of_several_batches(make):
    solver = make(val=False, max_iter=2, iter_size=2)
    solve(solver)
    assert solver.pictures_per_update == 12
    assert [fields["iter"] for fields in journal(solver, "snapshot")] == [2]


STATES = {
    "SGD": {},
    "Adam with everything": {
        "type": "Adam",
        "base_lr": 0.001,
        "lr_policy": "cosine",
        "warmup_iter": 3,
        "ema": 0.9,
        "average_loss": 4,
        "iter_size": 2,
        "label_smoothing": 0.1,
        "clip_gradients": 1.0,
    },
}


@pytest.mark.parametrize("case", STATES)
def test_a_resumed_run_equals_the_unbroken_one(make, case):
    fields = STATES[case]
    unbroken = make("unbroken", test_interval=3, **fields)
    solve(unbroken)
    stop = Quiet({4: lambda: os.kill(os.getpid(), signal.SIGTERM)})
    first = make("broken", stop, test_interval=3, **fields)
    wishes = solve(first)
    assert (wishes.exit_code, first.progress.iteration) == (143, 5)
    first.run.close()
    second = make("broken", test_interval=3, **fields)
    second.restore(load_newest(second.prefix, print))
    solve(second)
    assert second.progress.iteration == 8
    assert second.progress.best_top1 == unbroken.progress.best_top1
    for name, tensor in unbroken.net.state_dict().items():
        assert torch.equal(tensor, second.net.state_dict()[name]), name
    for name, tensor in unbroken.updater.state().items():
        assert torch.equal(tensor, second.updater.state()[name]), name
    if unbroken.average:
        assert all(torch.equal(t, second.average.state()[n]) for n, t in unbroken.average.state().items())
    shown = [[(f["iter"], f["loss"]) for f in journal(run, "train") if f["iter"] >= 5] for run in (unbroken, second)]
    assert shown[0] == shown[1]


def test_sigint_stops_with_a_snapshot_and_sighup_only_saves(make):
    console = Quiet({2: lambda: os.kill(os.getpid(), signal.SIGHUP), 5: lambda: os.kill(os.getpid(), signal.SIGINT)})
    solver = make(console=console, val=False)
    wishes = solve(solver)
    assert wishes.exit_code == 130
    assert [fields["iter"] for fields in journal(solver, "snapshot")] == [3, 6]
    assert "Optimization stopped early at iteration 6." in console.lines


def test_a_stop_during_a_test_leaves_the_test_for_later(make):
    class Stopping(Quiet):
        def line(self, message):
            super().line(message)
            if message == "Iteration 4, Testing net (#0)":
                os.kill(os.getpid(), signal.SIGTERM)

    console = Stopping()
    first = make("broken", console, test_interval=4)
    solve(first)
    assert "Test interrupted." in console.lines
    assert (first.progress.iteration, first.saved_at) == (4, 4)
    first.run.close()
    second = make("broken", test_interval=4)
    second.restore(load_newest(second.prefix, print))
    solve(second)
    whole = make("whole", test_interval=4)
    solve(whole)
    assert [(f["iter"], f["top1"], f["loss"]) for f in journal(second, "test")] == [
        (f["iter"], f["top1"], f["loss"]) for f in journal(whole, "test")
    ]
    assert second.progress.tests_since_best == whole.progress.tests_since_best


def test_a_loss_that_is_not_finite_names_its_iteration_and_saves_nothing(make):
    solver = make(base_lr=1e30, val=False, snapshot=1, display=0)
    with pytest.raises(Diverged, match=r"not finite at iteration \d+; lower solver.base_lr"):
        solve(solver)
    kept = [load(path).model for path in solver.prefix.parent.glob("*.json")]
    assert all(bool(torch.isfinite(t).all()) for model in kept for t in model.values() if t.is_floating_point())
    assert all(math.isfinite(fields.get("loss", 0)) for fields in journal(solver, "train"))


def test_patience_ends_a_run_that_no_longer_gets_better(make):
    console = Quiet()
    solver = make(console=console, max_iter=50, base_lr=1e-12, test_interval=1, patience=3)
    solve(solver)
    assert solver.progress.iteration <= 6
    assert any("Stopping early: 3 tests without a better one" in line for line in console.lines)


def test_the_best_weights_are_shipped_and_not_the_last(make):
    rates = {"lr_policy": "multistep", "gamma": 20.0, "stepvalue": (3,)}  # from iteration 3 on it only gets worse
    solver = make(test_interval=1, max_iter=6, **rates)
    solve(solver)
    shipped = {name: tensor.clone() for name, tensor in solver.ship().state_dict().items()}
    again = make("again", test_interval=1, max_iter=6, **rates)
    again.max_iter = solver.progress.best_iteration
    assert again.max_iter < 6
    solve(again)
    assert all(torch.equal(tensor, again.net.state_dict()[name]) for name, tensor in shipped.items())
    assert [path.name for path in solver.run.folder.glob("best_*")] == [f"best_iter_{again.max_iter}.safetensors"]


def test_looking_at_the_loss_does_not_change_the_net(make):
    nets = []
    for name, display in (("silent", 0), ("talking", 1)):
        solver = make(name, val=False, display=display)
        solve(solver)
        nets.append({n: t.clone() for n, t in solver.ship().state_dict().items()})
    assert all(torch.equal(tensor, nets[1][name]) for name, tensor in nets[0].items())


def test_the_running_average_is_tested_and_shipped_in_place_of_the_last_weights(make):
    solver = make(val=False, ema=0.9)
    start = {name: tensor.clone() for name, tensor in solver.net.state_dict().items()}
    solve(solver)
    last = {name: tensor.clone() for name, tensor in solver.net.state_dict().items()}
    shipped = solver.ship().state_dict()
    name = "conv1.0.weight"
    assert not torch.equal(shipped[name], last[name])
    assert (shipped[name] - start[name]).norm() < (last[name] - start[name]).norm()


def test_frozen_batch_norm_and_use_global_stats_keep_the_statistics(make):
    frozen, still, free = make("frozen"), make("still"), make("free")
    frozen.still = freeze(frozen.net, multipliers(frozen.net, NetConfig(freeze=("conv1.*",))))
    still.still = freeze(still.net, multipliers(still.net, NetConfig(use_global_stats=True)), True)
    moved = {}
    for solver in (frozen, still, free):
        before = {n: b.clone() for n, b in solver.net.named_buffers() if n.endswith("running_mean")}
        solve(solver)
        moved[solver.job.name] = {
            n for n, b in solver.net.named_buffers() if n in before and not torch.equal(b, before[n])
        }
    assert "conv1.1.running_mean" in moved["free"]
    assert moved["frozen"] == moved["free"] - {"conv1.1.running_mean"}
    assert moved["still"] == set()


def test_two_batches_of_three_are_one_of_six(make):
    """On a net without batch norm the summed gradient, divided by iter_size, is that of the whole batch."""
    results = []
    for name, fields in (("whole", {}), ("parts", {"iter_size": 2})):
        solver = make(name, val=False, max_iter=3, plain=True, batch_size=6 // fields.get("iter_size", 1), **fields)
        solve(solver)
        results.append(torch.cat([p.detach().flatten() for p in solver.net.parameters()]))
    assert torch.allclose(results[0], results[1], atol=1e-6)
    assert not torch.equal(results[0], torch.zeros_like(results[0]))


def test_going_on_elsewhere_brings_the_best_weights_along(make, tmp_path):
    first = make("here", test_interval=2, max_iter=4)
    solve(first)
    moment = load_newest(first.prefix, print)
    second = make("there", test_interval=2, max_iter=4)
    second.restore(moment)
    solve(second)
    best = f"best_iter_{first.progress.best_iteration}.safetensors"
    assert (tmp_path / "there" / best).read_bytes() == (tmp_path / "here" / best).read_bytes()
    assert second.ship()


def test_without_its_best_weights_a_run_tests_anew(make):
    first = make("here", test_interval=2, max_iter=4)
    solve(first)
    moment = load_newest(first.prefix, print)
    first.best.path(first.progress.best_iteration).unlink()
    console = Quiet()
    second = make("there", console, test_interval=2, max_iter=4)
    second.restore(moment)
    assert any("are gone; tests begin anew" in line for line in console.lines)
    solve(second)
    assert second.progress.best_iteration == 4
    assert second.ship()


@pytest.mark.parametrize("change", [{"type": "AdaGrad", "momentum": 0.0}, {"ema": 0.9}, {"type": "Adam"}])
def test_a_snapshot_of_another_solver_is_told(make, change):
    solver = make()
    solver.save()
    with pytest.raises(RunError, match="does not fit this job"):
        make("other", **change).restore(load_newest(solver.prefix, print))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("file", ["train.log", "journal.jsonl"])
def test_a_full_disk_while_logging_is_one_line(make, tmp_path, file):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / file).symlink_to("/dev/full")
    solver = make()
    with pytest.raises(RunError, match="the disk is full"):
        solve(solver)
    solver.run.close()


def test_log_lines_have_the_shape_that_caffes_parse_log_reads(make):
    solver = make(test_interval=4)
    solve(solver)
    log = (solver.run.folder / "train.log").read_text()
    assert re.search(r"^I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \S+:\d+\] Solving a$", log, re.M)
    assert len(re.findall(r"Iteration (\d+)", log)) > 8
    assert len(re.findall(r"Train net output #(\d+): (\S+) = ([\.\deE+-]+)", log)) == 9
    assert len(re.findall(r"Test net output #(\d+): (\S+) = ([\.\deE+-]+)", log)) == 9
    assert len(re.findall(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)", log)) == 9


def test_a_snapshot_of_another_net_is_told(make):
    solver = make()
    solver.save()
    moment = load_newest(solver.prefix, print)
    other = make("other")
    other.net = build("mobilenet_v3_small", 3)
    with pytest.raises(RunError, match="does not fit this job"):
        other.restore(moment)


def test_two_processes_cannot_train_in_one_run(make, tmp_path):
    make()
    with pytest.raises(RunError, match="another process is training in this run"):
        Run(tmp_path / "a", Quiet())


@pytest.mark.parametrize(
    ("fields", "updates"), [({"max_epoch": 2}, 8), ({"max_epoch": 0.5}, 2), ({"max_epoch": 1.1, "iter_size": 2}, 3)]
)
def test_epochs_become_updates_rounded_up(make, fields, updates):
    solver = {"base_lr": 0.1, "lr_policy": "fixed"} | fields
    data = {"train": {"source": "x", "batch_size": 6}}
    assert updates_in_all(Job.model_validate({"name": "a", "data": data, "solver": solver}), 24) == updates
