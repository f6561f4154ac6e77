"""All that a server needs, in one folder, safe to load: JSON, safetensors and ONNX; nothing in it is executed."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from galao.deploy.manifest import FORMAT, MANIFEST, Manifest, describe, read_manifest, to_line, write_text
from galao.errors import BundleError, GalaoError
from galao.lists.listfile import Label
from galao.pictures.prepare import Preprocessing

ONNX = "model.onnx"
SAFETENSORS = "model.safetensors"
LABELS = "labels.txt"
MAX_SIDE = 8192
UPLOAD_SHORT_SIDE = 448
CHUNK = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """A trained net with its labels, its TEST transform, its measured worth and its licence.

    ``files`` maps each file's name to its ``sha256:`` digest; ``digest`` stands for all of it.
    ``upload`` tells a client how far to shrink a photo before it sends it.
    """

    folder: Path
    name: str
    version: str
    task: str
    net: str
    num_output: int
    labels: tuple[Label, ...]
    preprocessing: Preprocessing
    metrics: dict[str, Any]
    license: str
    weights: str
    created: str
    calibrated: bool
    upload: dict[str, Any]
    files: dict[str, str]
    digest: str

    def holds(self, name: str) -> bool:
        """Say whether the file ``name`` belongs to the bundle."""
        return name in self.files

    def file(self, name: str) -> Path:
        """Return the path of the bundle's file ``name``.

        Raises:
            BundleError: the bundle does not hold it; a file that merely lies there is not the bundle's.
        """
        if not self.holds(name):
            raise BundleError(f"the bundle {self.folder} holds no {name}; export it again or use another backend")
        return self.folder / name


def find_bundle(place: Path) -> Path:
    """Return the bundle's folder: ``place`` itself, or ``place/bundle`` when ``place`` is a run.

    Raises:
        BundleError: neither is a bundle.
    """
    for folder in (place, place / "bundle"):
        if (folder / MANIFEST).is_file():
            return folder
    if not place.exists():
        raise BundleError(f"nothing at {place}{_kept_aside(place)}; give a bundle's folder or a finished run's")
    raise BundleError(f"{place} holds no {MANIFEST}; give a bundle's folder or a finished run's")


def load_bundle(folder: Path) -> Bundle:
    """Read the bundle in ``folder`` and check that it is whole: every field, every file, every digest.

    Raises:
        BundleError: something is missing, edited, of another format or disagrees with itself.
    """
    if not folder.is_dir():
        raise BundleError(f"there is no bundle {folder}{_kept_aside(folder)}; train a job to its end to get one")
    manifest, digest = read_manifest(folder)
    if ONNX not in manifest.files and SAFETENSORS not in manifest.files:
        raise BundleError(f"the bundle {folder} holds neither {ONNX} nor {SAFETENSORS}; export it again")
    for name, claimed in manifest.files.items():
        _check_file(folder / name, claimed)
    return _to_bundle(folder, manifest, digest)


def save_bundle(
    folder: Path,
    *,
    name: str,
    version: str,
    task: str,
    net: str,
    labels: Sequence[Label],
    preprocessing: Preprocessing,
    metrics: Mapping[str, Any],
    license: str,
    weights: str,
    files: Mapping[str, Path],
    calibrated: bool = False,
) -> Bundle:
    """Write a bundle to ``folder``, whole or not at all, and return it as ``load_bundle`` would.

    ``files`` maps names inside the bundle (``model.onnx``, ``model.safetensors``) to the files to copy;
    ``labels.txt`` is written beside them. All is written to a sibling folder, flushed to the disk, read back and
    checked, and only then renamed; a bundle that stood there is removed after the new one has its place.

    Raises:
        BundleError: a value is not as it must be, the place is taken by something else, or the disk refuses.
    """
    assert all(Path(file).name == file for file in files), f"names, not paths: {list(files)}"
    labels = [Label(to_line(label.label), to_line(label.name)) for label in labels]
    license, weights = to_line(license), to_line(weights)
    place = Path(os.path.realpath(folder))
    _refuse_other_things(place)
    staged = place.with_name(f".{place.name}.new-{secrets.token_hex(4)}")
    try:
        staged.mkdir(parents=True)
        digests = {file: _copy(source, staged / file) for file, source in sorted(files.items())}
        digests[LABELS] = _write(staged / LABELS, _labels_text(labels))
        manifest = _to_manifest(
            {"name": name, "version": version, "task": task, "net": net, "license": license, "weights": weights}
            | {"labels": [{"label": label.label, "name": label.name} for label in labels], "num_output": len(labels)}
            | {"preprocessing": preprocessing.to_json(), "metrics": dict(metrics), "calibrated": calibrated}
            | {"upload": _upload_advice(preprocessing), "files": digests}
        )
        _write(staged / MANIFEST, write_text(manifest))
        _sync_folder(staged)
        bundle = load_bundle(staged)
        _put_in_place(staged, place)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BundleError(
            f"cannot write the bundle {folder}: {error.strerror}{where}; free some space or choose another place"
        ) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return replace(bundle, folder=folder)


def _check_file(path: Path, claimed: str) -> None:
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"the bundle's file {path} is missing or no plain file; copy the whole bundle again")
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}; copy the whole bundle again") from None
    if claimed != f"sha256:{found}":
        raise BundleError(f"{path} is damaged or edited (its sha256 disagrees with {MANIFEST}); copy the bundle again")


def _to_bundle(folder: Path, manifest: Manifest, digest: str) -> Bundle:
    return Bundle(
        folder=folder,
        name=manifest.name,
        version=manifest.version,
        task=manifest.task,
        net=manifest.net,
        num_output=manifest.num_output,
        labels=tuple(Label(entry.label, entry.name) for entry in manifest.labels),
        preprocessing=_to_preprocessing(manifest.preprocessing, folder),
        metrics=manifest.metrics,
        license=manifest.license,
        weights=manifest.weights,
        created=manifest.created,
        calibrated=manifest.calibrated,
        upload=manifest.upload.model_dump(),
        files=dict(manifest.files),
        digest=digest,
    )


def _to_preprocessing(fields: dict[str, Any], folder: Path) -> Preprocessing:
    try:
        how = Preprocessing.from_json(fields)
        sides = [side for side in (how.crop_size, how.short_side, how.new_height, how.new_width) if side is not None]
        fits = all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides)
    except (GalaoError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BundleError(f"{folder / MANIFEST}: {reason}; export the bundle again") from None
    if not fits:
        raise BundleError(f"{folder / MANIFEST}: preprocessing: every side must be 1..{MAX_SIDE} pixels")
    return how


def _to_manifest(fields: dict[str, Any]) -> Manifest:
    fields = fields | {
        "format": FORMAT,
        "written_by": f"galao {installed_version('galao')}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        return Manifest.model_validate_json(json.dumps(fields, allow_nan=False))
    except ValidationError as error:
        raise BundleError(f"cannot write a bundle: {describe(error)}") from None
    except ValueError:
        raise BundleError(
            "cannot write a bundle: its metrics or its preprocessing hold a number that is not finite"
        ) from None


def _upload_advice(how: Preprocessing) -> dict[str, Any]:
    """Return the upload rule of the service's contract, larger for a net that looks closer."""
    side = max(UPLOAD_SHORT_SIDE, how.crop_size, *(how.short_side or 0, how.new_height or 0, how.new_width or 0))
    return {"short_side": side, "formats": ["image/webp", "image/jpeg"], "quality": 75}


def _labels_text(labels: Sequence[Label]) -> str:
    """Return what ``read_labels`` reads back: a label a line, or ``synset_words.txt`` where all labels are synsets."""
    synsets = all(re.fullmatch(r"n\d{8}", one.label) for one in labels)
    return "".join(f"{one.label} {one.name}\n" if synsets else f"{one.label}\n" for one in labels)


def _copy(source: Path, target: Path) -> str:
    """Copy a file, flush it to the disk, and return its digest."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return f"sha256:{digest.hexdigest()}"


def _write(target: Path, text: str) -> str:
    content = text.encode()
    with target.open("xb") as writer:
        writer.write(content)
        writer.flush()
        os.fsync(writer.fileno())
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_other_things(place: Path) -> None:
    if place.is_dir() and any(place.iterdir()) and not (place / MANIFEST).exists():
        raise BundleError(f"{place} holds other files and no bundle; choose another place for the bundle")
    if place.exists() and not place.is_dir():
        raise BundleError(f"{place} is a file; choose another place for the bundle")


def _put_in_place(staged: Path, place: Path) -> None:
    """Rename ``staged`` to ``place``; what stood there is kept aside until the new one stands."""
    aside = _aside(place)
    if place.exists():
        shutil.rmtree(aside, ignore_errors=True)
        place.rename(aside)
    try:
        staged.rename(place)
    except OSError:
        if aside.exists():
            aside.rename(place)
        raise
    _sync_folder(place.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _kept_aside(place: Path) -> str:
    """Point to the earlier bundle that a crash between the two renames left aside."""
    aside = _aside(place)
    return f" (an earlier one was kept as {aside})" if aside.is_dir() else ""
