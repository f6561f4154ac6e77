"""Snapshots: the model, the solver's state, and a small JSON that pairs the two by hash and is written last.

``<prefix>_iter_<N>.safetensors`` holds the net's tensors, ``<prefix>_iter_<N>.solverstate.safetensors`` the histories
and the running average, ``<prefix>_iter_<N>.json`` the numbers. Each is written to a temporary file, flushed and
renamed; a snapshot without its JSON, or whose hashes do not fit, does not exist.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from galao.errors import RunError
from galao.solver.run import told, write_whole

_NUMBERED = re.compile(r"_iter_(\d+)\.json$")


@dataclass(frozen=True)
class Progress:
    """The numbers of a run: updates done, tests so far and the best of them, the loss window, seconds trained."""

    iteration: int = 0
    best_iteration: int = -1
    best_top1: float = -1.0
    best_loss: float = float("inf")
    best_sha256: str = ""
    tests_since_best: int = 0
    tested_at: int = -1
    losses: tuple[float, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """All that a run needs to go on."""

    progress: Progress
    model: dict[str, Tensor] = field(repr=False)
    state: dict[str, Tensor] = field(repr=False)
    seed: int = 0
    rule: str = "SGD"
    folder: Path | None = None


def save(prefix: Path, snapshot: Snapshot) -> Path:
    """Write a snapshot; returns its JSON file, the last to appear.

    Raises:
        RunError: the disk is full or the folder cannot be written; earlier snapshots stay as they are.
    """
    stem = f"{prefix.name}_iter_{snapshot.progress.iteration}"
    with told(prefix.parent):
        prefix.parent.mkdir(parents=True, exist_ok=True)
    model = save_tensors(prefix.parent / f"{stem}.safetensors", snapshot.model)
    state = save_tensors(prefix.parent / f"{stem}.solverstate.safetensors", snapshot.state)
    fields = {
        "format": 1,
        "seed": snapshot.seed,
        "rule": snapshot.rule,
        "model_sha256": model,
        "state_sha256": state,
        **_finite(asdict(snapshot.progress)),
    }
    path = prefix.parent / f"{stem}.json"
    write_whole(path, json.dumps({**fields, "fields_sha256": _digest(fields)}, indent=1).encode())
    return path


def _digest(fields: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _finite(fields: dict[str, object]) -> dict[str, object]:
    return {key: None if value == float("inf") else value for key, value in fields.items()}


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors whole or not at all; returns the file's sha256."""
    data = serialize({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def load(path: Path) -> Snapshot:
    """Read a snapshot by its JSON file and check both hashes.

    Raises:
        RunError: a part is missing, torn, edited, or belongs to another snapshot.
    """
    stem = path.with_suffix("")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("fields_sha256") != _digest(fields):
            raise RunError(f"{path}: was edited after it was written; use an earlier snapshot")
        model, state = (
            stem.with_name(stem.name + ".safetensors"),
            stem.with_name(stem.name + ".solverstate.safetensors"),
        )
        for part, expected in ((model, fields.pop("model_sha256")), (state, fields.pop("state_sha256"))):
            if sha256(part) != expected:
                raise RunError(f"{part}: not the file that {path.name} was written with; use an earlier snapshot")
        if fields.pop("format") != 1:
            raise RunError(f"{path}: written by a newer galao; update this one")
        seed, rule = int(fields.pop("seed")), str(fields.pop("rule"))
        fields["losses"] = tuple(fields["losses"])
        if fields["best_loss"] is None:
            fields["best_loss"] = float("inf")
        return Snapshot(Progress(**fields), load_file(model), load_file(state), seed, rule, path.parent)
    except OSError as error:
        raise RunError(
            f"{error.filename or path}: cannot be read ({error.strerror}); use an earlier snapshot"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise RunError(f"{path}: not a whole snapshot ({type(error).__name__}); use an earlier one") from None


def load_newest(prefix: Path, tell: Callable[[str], None], upto: int | None = None) -> Snapshot:
    """The newest whole snapshot, of iteration ``upto`` at most; says which ones were passed over, and why.

    Raises:
        RunError: there is none.
    """
    found = {
        int(match[1]): p
        for p in prefix.parent.glob(f"{prefix.name}_iter_*.json")
        if (match := _NUMBERED.search(p.name)) and (upto is None or int(match[1]) <= upto)
    }
    for iteration in sorted(found, reverse=True):
        try:
            return load(found[iteration])
        except RunError as error:
            tell(f"Passing over snapshot {found[iteration].name}: {error}")
    raise RunError(f"{prefix.parent}: no whole snapshot of {prefix.name}; start without --snapshot")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
