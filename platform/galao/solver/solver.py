"""The loop: test, forward and backward, display, update, snapshot, in Caffe's order (``solver.cpp``, Step and Solve).

The test "at iteration N" sees exactly N updates; the loss line of iteration N is from before update N + 1. Order,
augmentation and dropout come from (seed, iteration), so a run that goes on after a stop goes on as if it had not.
"""

import math
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from galao.config.job import Job
from galao.data.loader import Batch, Loader, normalise
from galao.errors import Diverged, RunError
from galao.lists.sources import Lists
from galao.metrics.topk import accuracy
from galao.nets.surgery import freeze, multipliers
from galao.nets.zoo import head_names
from galao.records import Sample
from galao.solver import snapshot
from galao.solver.average import Average
from galao.solver.best import BestWeights
from galao.solver.clock import Clock
from galao.solver.device import Device
from galao.solver.lr_policy import learning_rate
from galao.solver.run import LAST, Run, probe
from galao.solver.signals import Wishes
from galao.solver.snapshot import Progress, Snapshot
from galao.solver.update import Blob, Updater
from galao.tasks.registry import build_task

CHECK_EVERY = 20  # iterations between looks at whether the loss is still finite, where display does not look


class Solver:
    """Trains one net on one job. ``prefix`` starts the snapshots' names, ``seed`` decides all chance."""

    def __init__(
        self, job: Job, net: nn.Module, lists: Lists, loader: Loader, device: Device, run: Run, prefix: Path, seed: int
    ) -> None:
        self.job, self.solver, self.lists, self.loader = job, job.solver, lists, loader
        self.run, self.prefix, self.seed, self.device = run, prefix, seed, device
        self.net: nn.Module = net.to(device.device, memory_format=device.memory_format)  # type: ignore[call-overload]
        rates = multipliers(self.net, job.net, self.solver.layer_decay, head_names(job.net.name))
        self.still = freeze(self.net, rates, job.net.use_global_stats)
        self.updater = Updater(
            self.solver,
            [Blob(name, p, *rates[name]) for name, p in self.net.named_parameters() if p.requires_grad],
        )
        self.average = Average(self.net, self.solver.ema) if self.solver.ema else None
        self.task = build_task(job)
        self.max_iter = updates_in_all(job, len(lists.train))
        self.test_interval = self.solver.test_interval or math.ceil(len(lists.train) / self.pictures_per_update)
        self.progress = Progress()
        self.losses: deque[Tensor] = deque(maxlen=self.solver.average_loss)
        self.first_bad = torch.tensor(math.inf, device=device.device)
        self.saved_at = -1
        self.best = BestWeights(run.folder)
        self.shown_loss = math.nan
        how = loader.how
        self.mean = torch.tensor(how.mean, device=device.device).view(1, 3, 1, 1)
        self.scale = torch.tensor(how.scale, device=device.device).view(1, 3, 1, 1)

    @property
    def pictures_per_update(self) -> int:
        """batch_size times iter_size."""
        return self.job.data.train.batch_size * self.solver.iter_size

    # ------------------------------------------------------------------ the loop

    def solve(self, wishes: Wishes) -> None:
        """Train to max_iter, to the end of patience, or until asked to stop.

        Raises:
            Diverged: the loss is not finite; the iteration is named and no snapshot is written.
            RunError, PictureError: the run's folder or a picture does not play along.
        """
        self.run.say(f"Solving {self.job.name}")
        self.run.say(f"Learning Rate Policy: {self.solver.lr_policy}")
        self._say_what_test_iter_means()
        probe(self.prefix)
        batches = self.loader.train_batches(
            self.lists.train, self.job.data.train, self.seed, self.progress.iteration * self.solver.iter_size
        )
        clock = Clock(self.progress.iteration, self.progress.seconds)
        while (i := self.progress.iteration) < self.max_iter and not wishes.stop:
            if self._test_is_due(i):
                self.test(wishes)
                if wishes.take_save():
                    self.save()
                if wishes.stop or self._out_of_patience():
                    break
            rate = learning_rate(self.solver, i, self.max_iter)
            self._forward_backward(i, batches)
            self._display(i, rate, clock)
            speed = clock.speed(i) * self.pictures_per_update
            self.run.console.progress(i, self.max_iter, self.shown_loss, rate, speed)
            self.updater.update(i, rate)
            if self.average:
                self.average.follow(i)
            self.progress = replace(self.progress, iteration=i + 1, seconds=clock.seconds())
            if wishes.take_save() or (self.solver.snapshot and (i + 1) % self.solver.snapshot == 0):
                self.save()
        self._finish(batches, clock, wishes)

    def _finish(self, batches: Iterator[Batch], clock: Clock, wishes: Wishes) -> None:
        """After the last update: a last snapshot, the loss once more, a last test."""
        i = self.progress.iteration
        speed = clock.speed(i) * self.pictures_per_update
        self.run.console.progress(i, self.max_iter, self.shown_loss, 0.0, speed)
        if (self.solver.snapshot_after_train or wishes.stop) and self.saved_at != i:
            self.save()
        if wishes.stop:
            self.run.say(f"Optimization stopped early at iteration {i}.")
            return
        if i == self.max_iter and self.solver.display and i % self.solver.display == 0:
            self._forward_backward(i, batches, learn=False)
            self._display(i, learning_rate(self.solver, i - 1, self.max_iter), clock)
        if i == self.max_iter and self.lists.val and self.progress.tested_at != i:
            self.test(wishes)
        if not wishes.stop:
            self.run.say("Optimization Done.")

    def _forward_backward(self, i: int, batches: Iterator[Batch], learn: bool = True) -> None:
        """Gradients summed over iter_size batches; the shown loss is their mean."""
        torch.manual_seed((self.seed * 1_000_003 + i) % 2**63)
        self.net.train()
        for module in self.still:
            module.eval()
        for parameter in self.updater.weights:
            parameter.grad = None
        total = torch.zeros((), device=self.device.device)
        with nullcontext() if learn else self._looking_only():
            for batch in islice(batches, self.solver.iter_size):
                images, targets = self._on_device(batch)
                with self.device.autocast():
                    logits = self.net(images)
                loss = self.task.loss(logits, targets)
                if learn:
                    loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        total /= self.solver.iter_size
        self.losses.append(total)
        self.first_bad = torch.where(torch.isfinite(total), self.first_bad, torch.clamp(self.first_bad, max=i))
        if i % CHECK_EVERY == 0 or self.device.device.type == "cpu":
            self._require_finite()

    @contextmanager
    def _looking_only(self) -> Iterator[None]:
        """A forward pass in train mode that leaves no trace in batch norm's statistics."""
        kept = {name: buffer.clone() for name, buffer in self.net.named_buffers()}
        with torch.no_grad():
            yield
            for name, buffer in self.net.named_buffers():
                buffer.copy_(kept[name])

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images = batch.images.to(self.device.device, non_blocking=True)
        images = normalise(images, self.mean, self.scale).contiguous(memory_format=self.device.memory_format)
        return images, batch.targets.to(self.device.device, non_blocking=True)

    def _require_finite(self, weights: bool = False) -> None:
        """Look at the losses so far and, where they are to be tested or kept, at the weights."""
        what, bad = "the loss is", float(self.first_bad)
        if not math.isfinite(bad) and weights and not self._weights_are_finite():
            what, bad = "the weights are", self.progress.iteration
        if math.isfinite(bad):
            raise self._diverged(what, int(bad))

    def _diverged(self, what: str, iteration: int) -> Diverged:
        return Diverged(
            f"{what} not finite at iteration {iteration}; lower solver.base_lr or set solver.clip_gradients "
            f"(earlier snapshots in {self.prefix.parent} are as they were)"
        )

    def _weights_are_finite(self) -> bool:
        tensors = [tensor for tensor in self.net.state_dict().values() if tensor.is_floating_point()]
        return bool(torch.isfinite(torch.stack(torch._foreach_norm(tensors))).all())

    # ------------------------------------------------------------------ testing

    def _say_what_test_iter_means(self) -> None:
        asked, n = (self.solver.test_iter or 0) * self._test_batch_size(), len(self.lists.val)
        if asked and asked != n:
            self.run.say(f"test_iter x batch_size is {asked}, val has {n} pictures: each is counted exactly once")

    def _test_is_due(self, i: int) -> bool:
        if not self.lists.val or i == self.progress.tested_at:
            return False
        return i % self.test_interval == 0 and (i > 0 or self.solver.test_initialization)

    def _out_of_patience(self) -> bool:
        if not self.solver.patience or self.progress.tests_since_best < self.solver.patience:
            return False
        best = self.progress
        self.run.say(
            f"Stopping early: {best.tests_since_best} tests without a better one than {100 * best.best_top1:.2f} % "
            f"at iteration {best.best_iteration}"
        )
        return True

    def test(self, wishes: Wishes) -> None:
        """Count right answers over val, each picture once; keep the weights if they are the best so far.

        A wish to stop ends the test without a result: it is run again when the run goes on.
        """
        i = self.progress.iteration
        self._require_finite(weights=True)
        self.run.say(f"Iteration {i}, Testing net (#0)")
        with self._shipped_weights():
            logits, targets = self._answers(self.lists.val, wishes)
            if wishes.stop:
                self.run.say("Test interrupted.")
                return
            if not np.isfinite(logits).all():
                raise self._diverged("the net's answers are", i)
            result = accuracy(logits, targets)
            loss = float(self.task.loss(torch.from_numpy(logits), torch.from_numpy(targets)))
            for k, (name, value) in enumerate((("accuracy", result.top1.value), ("accuracy_top5", result.top5.value))):
                self.run.say(f"    Test net output #{k}: {name} = {value:.6g}")
            self.run.say(f"    Test net output #2: loss = {loss:.6g} (* 1 = {loss:.6g} loss)")
            self.run.record("test", iter=i, top1=result.top1.value, top5=result.top5.value, loss=loss, n=result.top1.n)
            self.progress = self.best.keep(self.net.state_dict(), self.progress, result.top1.value, loss)

    @torch.inference_mode()
    def _answers(self, samples: list[Sample], wishes: Wishes) -> tuple[np.ndarray, np.ndarray]:
        """Logits [N,C] float32 and targets [N] of the samples that decode, or of the first ones before a stop."""
        self.net.eval()
        logits, targets = [], []
        for batch in self.loader.test_batches(samples, self._test_batch_size()):
            images, _ = self._on_device(batch)
            with self.device.autocast():
                logits.append(self.net(images).float().cpu())
            targets.append(batch.targets)
            if wishes.stop:
                break
        if not logits:
            raise RunError("none of the val pictures decodes; see skipped.tsv in the run")
        return torch.cat(logits).numpy(), torch.cat(targets).numpy()

    def _test_batch_size(self) -> int:
        return self.job.data.val.batch_size if self.job.data.val else self.job.data.train.batch_size

    def _shipped_weights(self) -> AbstractContextManager[None]:
        return self.average.in_place() if self.average else nullcontext()

    # ------------------------------------------------------------------ showing and saving

    def _display(self, i: int, rate: float, clock: Clock) -> None:
        if not self.solver.display or i % self.solver.display:
            return
        self._require_finite()
        loss = self.shown_loss = float(torch.stack(list(self.losses)).mean())
        speed = clock.lap(i)
        self.run.say(
            f"Iteration {i} ({speed:.4g} iter/s, {clock.lap_seconds:.4g}s/{self.solver.display} iters), "
            f"loss = {loss:.6g}"
        )
        self.run.say(f"    Train net output #0: loss = {loss:.6g} (* 1 = {loss:.6g} loss)")
        self.run.say(f"Iteration {i}, lr = {rate:.6g}")
        images_per_s = speed * self.pictures_per_update
        self.run.record("train", iter=i, loss=loss, lr=rate, images_per_s=round(images_per_s, 2))

    def save(self) -> None:
        """Write a snapshot of this moment.

        Raises:
            Diverged: the weights are not worth keeping.
        """
        self._require_finite(weights=True)
        losses = tuple(float(loss) for loss in self.losses)
        state = {f"history.{name}": tensor for name, tensor in self.updater.state().items()}
        if self.average:
            state |= {f"average.{name}": tensor for name, tensor in self.average.state().items()}
        numbers = replace(self.progress, losses=losses)
        path = snapshot.save(self.prefix, Snapshot(numbers, self.net.state_dict(), state, self.seed, self.solver.type))
        inside = path.is_relative_to(self.run.folder)
        self.run.write(LAST, str(path.relative_to(self.run.folder) if inside else path.resolve()))
        self.saved_at = self.progress.iteration
        self.best.note_snapshot(self.progress)
        self.run.say(f"Snapshotting to safetensors file {path.with_suffix('.safetensors')}")
        self.run.record("snapshot", iter=self.progress.iteration, file=path.name)

    @torch.no_grad()
    def restore(self, moment: Snapshot) -> None:
        """Go back to a snapshot.

        Raises:
            RunError: it belongs to another net or solver.
        """
        try:
            if moment.rule != self.solver.type:
                raise KeyError(f"solver.type {moment.rule} became {self.solver.type}")
            if bool(self.average) != any(name.startswith("average.") for name in moment.state):
                raise KeyError("solver.ema was switched on or off")
            self.net.load_state_dict(moment.model)
            self.updater.load_state(_under(moment.state, "history."))
            if self.average:
                self.average.load_state(_under(moment.state, "average."))
        except (RuntimeError, KeyError) as error:
            raise RunError(
                f"the snapshot at iteration {moment.progress.iteration} does not fit this job "
                f"({str(error).splitlines()[0][:100]}); use the job in the run's folder, or start without --snapshot"
            ) from None
        self.progress = self.best.fetch(moment, self.run.say)
        self.losses.extend(torch.tensor(loss, device=self.device.device) for loss in moment.progress.losses)
        self.saved_at = moment.progress.iteration
        self.run.say(f"Restoring previous solver status from iteration {moment.progress.iteration}")

    def ship(self) -> nn.Module:
        """The net with the weights worth shipping: the best by val, or else the last (averaged, if the job says so)."""
        if self.progress.best_iteration >= 0:
            self.net.load_state_dict(self.best.load(self.progress))
        elif self.average:
            self.average.swap()
        self.net.eval()
        return self.net


def updates_in_all(job: Job, pictures: int) -> int:
    """max_iter, or max_epoch turned into updates, rounded up."""
    if job.solver.max_iter is not None:
        return job.solver.max_iter
    assert job.solver.max_epoch is not None
    return math.ceil(job.solver.max_epoch * pictures / (job.data.train.batch_size * job.solver.iter_size))


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
