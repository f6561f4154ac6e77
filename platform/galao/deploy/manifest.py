"""What ``bundle.json`` says, and the strict reader for it: a bundle may come from anybody."""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from galao.errors import BundleError

MANIFEST = "bundle.json"
FORMAT = 1
MAX_BYTES = 16_000_000

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
# What may stand in an address: name@version.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
# A plain name inside the folder: no separator, no leading dot, so it cannot lead elsewhere.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_LINE = 1000


def refuse_control_characters(text: str) -> str:
    """Let no escape sequence reach a terminal and no line break reach ``labels.txt``."""
    if CONTROL.search(text):
        raise ValueError("holds a control character or a line break")
    return text


def to_line(text: str) -> str:
    """Return ``text`` as a manifest may hold it: on one line, never empty; a trained net is not lost over a tab."""
    return CONTROL.sub(" ", text)[:MAX_LINE].strip() or "-"


Line = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LINE), AfterValidator(refuse_control_characters)]


class LabelEntry(BaseModel):
    """One class, in the order of the net's outputs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    label: Line
    name: Line


class Upload(BaseModel):
    """What a client does with a photo before it sends it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    short_side: int = Field(ge=16, le=8192)
    formats: list[Line] = Field(min_length=1, max_length=10)
    quality: int = Field(ge=1, le=100)


class Manifest(BaseModel):
    """``bundle.json``, format 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal[1]
    written_by: Line
    name: Identifier
    version: Version
    task: Identifier
    net: Line
    num_output: int = Field(ge=1)
    labels: list[LabelEntry]
    preprocessing: dict[str, Any]
    metrics: dict[str, Any]
    license: Line
    weights: Line
    created: Line
    calibrated: bool
    upload: Upload
    files: dict[FileName, Digest] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _counts_agree(self) -> "Manifest":
        if len(self.labels) != self.num_output:
            raise ValueError(f"{len(self.labels)} labels for num_output {self.num_output}")
        return self


def digest_of(manifest: Manifest) -> str:
    """Return the bundle's digest: one hash over the manifest, which holds the hash of every file."""
    text = json.dumps(manifest.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def write_text(manifest: Manifest) -> str:
    """Return ``bundle.json`` as text, its own digest in the last line."""
    fields = manifest.model_dump() | {"digest": digest_of(manifest)}
    return json.dumps(fields, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """Read and check ``folder/bundle.json``; return it and the bundle's digest.

    Raises:
        BundleError: it is absent, too large, not JSON, of another format, edited, or a field is not as it must be.
    """
    path = folder / MANIFEST
    fields = _parse(_read_bytes(path), path)
    _check_format(fields, path)
    claimed = fields.pop("digest", None)
    try:
        manifest = Manifest.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise BundleError(f"{path}: {describe(error)}; export the bundle again") from None
    if claimed != digest_of(manifest):
        raise BundleError(f"{path} was edited after it was written (its digest disagrees); export the bundle again")
    return manifest, claimed


def describe(error: ValidationError) -> str:
    """Return the first complaint of pydantic as ``field: what``, on one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    text = " ".join(str(first["msg"]).removeprefix("Value error, ").split())
    return f"{field}: {text}" if field else text


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}; is this a bundle?") from None
    if len(content) > MAX_BYTES:
        raise BundleError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB; that is no manifest of ours")
    return content


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(content, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) if isinstance(error, ValueError) else "nested too deeply"
        raise BundleError(f"{path} is not valid JSON: {reason}; export the bundle again") from None
    if not isinstance(fields, dict):
        raise BundleError(f"{path} must hold one JSON object; export the bundle again")
    return fields


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _check_format(fields: dict[str, Any], path: Path) -> None:
    found = fields.get("format")
    if found == FORMAT and type(found) is int:
        return
    if type(found) is not int:
        raise BundleError(f"{path}: format must be {FORMAT}; is this a bundle of galao?")
    writer = re.sub(r"[^\w .+-]", "?", str(fields.get("written_by", "an unknown galao")))[:80]
    raise BundleError(
        f"{path} has format {found}, written by {writer}; this galao reads format {FORMAT}: "
        "update galao or export the bundle again"
    )
