"""Strict YAML and ``key.key=value`` to a Job; a complaint is one line with file, line, field and the nearest name.

Plain YAML 1.1 reads ``NO`` as false, ``0123`` as 83 and ``1e-3`` as text. Here only true and false are booleans,
numbers are decimal, and a key that is given twice is an error.
"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, get_args

import yaml
from pydantic import BaseModel, ValidationError

from galao.config.job import Job
from galao.errors import JobError

Place = tuple[str | int, ...]
MAX_BYTES = 1_000_000

_SCALARS: tuple[tuple[str, str], ...] = (
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$"),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
)


class _StrictLoader(yaml.SafeLoader):
    """YAML with the scalars above and no others."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


class _StrictDumper(yaml.SafeDumper):
    """Quotes text that the loader above would take for something else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern in _SCALARS:
    _StrictLoader.add_implicit_resolver(_tag, re.compile(_pattern), None)
    _StrictDumper.add_implicit_resolver(_tag, re.compile(_pattern), None)


@dataclass
class _Document:
    """Plain values of a YAML file, and where each one stands."""

    file: str
    values: Any
    places: dict[Place, str]
    nodes: dict[int, yaml.Node] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """The nearest known place, as ``file:line`` or ``command line``."""
        while place not in self.places and place:
            place = place[:-1]
        return self.places.get(place, self.file)


def load_job(path: Path, overrides: Sequence[str] = (), *, files: bool = False) -> Job:
    """Read a job file, apply ``key.key=value`` overrides, check it all; with ``files``, also that its files are there.

    Raises:
        JobError: in one line, with file, line, field and what to do.
    """
    document = _read(path)
    for text in overrides:
        _override(document, text)
    job = _validate(document)
    if files:
        _require_files(document)
    return job


def dump_job(job: Job) -> str:
    """The job as YAML that ``load_job`` reads back to an equal job."""
    return yaml.dump(job.model_dump(mode="json"), Dumper=_StrictDumper, sort_keys=False, allow_unicode=True)


def _read(path: Path) -> _Document:
    try:
        if path.is_dir():
            path = path / "job.yaml"
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise JobError(f"{path}: cannot read the job file ({error.strerror}); {_jobs_nearby(path)}") from None
    if len(raw) > MAX_BYTES:
        raise JobError(f"{path}: over {MAX_BYTES:,} bytes are too many for a job file; give a YAML file")
    try:
        text = raw.decode("utf-8-sig")
        node = yaml.compose(text, Loader=_StrictLoader)
    except UnicodeDecodeError as error:
        raise JobError(f"{path}: not a text file (byte {error.start} is not UTF-8); give a YAML file") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise JobError(f"{path}{line}: not valid YAML: {_one_line(error.problem or str(error))}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise JobError(f"{path}: not valid YAML: {_one_line(str(error))}") from None
    document = _Document(str(path), None, {(): str(path)})
    document.values = _build(node, (), document) if node is not None else {}
    if not isinstance(document.values, dict):
        raise JobError(f"{path}:1: a job is a mapping that starts with name:, task:, data:, not a single value")
    return document


def _jobs_nearby(path: Path) -> str:
    found = sorted(str(job) for job in Path("configs").glob("*/job.yaml"))
    near = difflib.get_close_matches(str(path), found, n=1) or found[:1]
    return f"did you mean {near[0]}?" if near else "give the path of a YAML file"


def _build(node: yaml.Node, place: Place, document: _Document) -> Any:
    document.places[place] = f"{document.file}:{node.start_mark.line + 1}"
    if id(node) in document.nodes:  # also what keeps a file of aliases of aliases from filling the memory
        raise JobError(f"{document.places[place]}: aliases (&name, *name) have no place in a job; write the value out")
    document.nodes[id(node)] = node
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, place, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*place, k), document) for k, item in enumerate(node.value)]
    return _scalar(node, document.places[place], place)


def _build_mapping(node: yaml.MappingNode, place: Place, document: _Document) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        line = f"{document.file}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise JobError(f"{line}: a field's name is a word, not a list or a mapping")
        if key.value in values:
            raise JobError(f"{line}: {_dotted((*place, key.value))} is given twice; keep one")
        values[key.value] = _build(value, (*place, key.value), document)
        document.places[(*place, key.value)] = line
    return values


def _scalar(node: yaml.Node, where: str, place: Place) -> Any:
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        pass
    raise JobError(f"{where}: {_dotted(place)}: the tag {node.tag} has no place in a job; give a plain value")


def _override(document: _Document, text: str) -> None:
    key, equals, raw = text.partition("=")
    if not equals or not key or any(not part for part in key.split(".")):
        raise JobError(f"command line: {text!r} is not key.key=value, such as solver.base_lr=0.01")
    try:
        node = yaml.compose(raw, Loader=_StrictLoader)
    except (yaml.YAMLError, RecursionError):
        raise JobError(f"command line: {key[:80]}: {raw[:80]!r} is not a YAML value; quote it") from None
    place: Place = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
    here = _Document("command line", None, {})
    value = _build(node, place, here) if node is not None else None
    target = document.values
    for depth, part in enumerate(place[:-1]):
        target = _step(target, part, place[: depth + 1])
    _assign(target, place, value)
    document.places = {p: w for p, w in document.places.items() if p[: len(place)] != place}
    document.places[place] = "command line"


def _step(target: Any, part: str | int, place: Place) -> Any:
    if isinstance(target, dict) and isinstance(part, str):
        if target.get(part) is None:
            target[part] = {}
        return target[part]
    if isinstance(target, list) and isinstance(part, int) and part < len(target):
        return target[part]
    raise JobError(f"command line: {_dotted(place)} is not there in the job")


def _assign(target: Any, place: Place, value: Any) -> None:
    last = place[-1]
    into_mapping = isinstance(target, dict) and isinstance(last, str)
    into_list = isinstance(target, list) and isinstance(last, int) and last < len(target)
    if not into_mapping and not into_list:
        raise JobError(f"command line: {_dotted(place)} is not there in the job")
    target[last] = value


def _validate(document: _Document) -> Job:
    try:
        return Job.model_validate_json(json.dumps(document.values), strict=True)
    except ValidationError as error:
        _complain(document, error)


_FILES: tuple[Place, ...] = (
    ("data", "train", "source"),
    ("data", "train", "root_folder"),
    ("data", "val", "source"),
    ("data", "val", "root_folder"),
    ("data", "test", "source"),
    ("data", "test", "root_folder"),
    ("data", "labels"),
    ("net", "weights"),
)


def _require_files(document: _Document) -> None:
    for place in _FILES:
        value = document.values
        for part in place:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and _names_a_file(place, value) and not _is_there(Path(value).expanduser()):
            near = _nearest_file(Path(value))
            hint = f"did you mean {near}?" if near else "relative paths start at the working directory"
            raise JobError(f"{document.where(place)}: {_dotted(place)}: nothing at {value}; {hint}")


def _names_a_file(place: Place, value: str) -> bool:
    """Weights may be a word such as imagenet, too."""
    return place[0] == "data" or "/" in value or value.endswith((".safetensors", ".pth", ".pt"))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _nearest_file(path: Path) -> Path | None:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return None
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return path.parent / near[0] if near else None


def _complain(document: _Document, error: ValidationError) -> NoReturn:
    faults = error.errors(include_url=False)
    first = min(faults, key=lambda fault: _line_number(document.where(_plain(fault["loc"], document.values))))
    place = _plain(first["loc"], document.values)
    message = _explain(place, dict(first))
    named = (*place, message.split()[0])
    if first["type"] == "value_error" and named in document.places:
        place, message = named, message.partition(" ")[2]
    more = (
        f" ({len(faults) - 1} more after this one)"
        if len({_plain(f["loc"], document.values) for f in faults}) > 1
        else ""
    )
    name = f" {_dotted(place)}:" if place else ""
    raise JobError(f"{document.where(place)}:{name} {message}{more}") from None


def _line_number(where: str) -> int:
    tail = where.rpartition(":")[2]
    return int(tail) if tail.isdecimal() else 0


def _plain(place: Place, values: Any) -> Place:
    """Pydantic's place without the names of union members, which are not in the file."""
    kept: list[str | int] = []
    for k, part in enumerate(place):
        inside = isinstance(values, dict) and (part in values or k == len(place) - 1)
        indexed = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if not inside and not indexed:
            continue
        kept.append(part)
        values = values.get(part) if isinstance(values, dict) else values[int(part)]
    return tuple(kept)


_MISPLACED: dict[Place, str] = {
    (
        "data",
        "test",
        "transform_param",
    ): "TEST has no chance in it: sizes and mean belong in data.transform_param, and mirror is for data.train only",
    (
        "data",
        "val",
        "transform_param",
    ): "TEST has no chance in it: sizes and mean belong in data.transform_param, and mirror is for data.train only",
    (
        "data",
        "transform_param",
        "mirror",
    ): "mirror in TEST would flip answers by chance; put it in data.train.transform_param",
    ("data", "test", "shuffle"): "only train is shuffled",
    ("data", "val", "shuffle"): "only train is shuffled",
}


def _explain(place: Place, fault: dict[str, Any]) -> str:
    kind, given = fault["type"], fault.get("input")
    if kind == "extra_forbidden":
        return _MISPLACED.get(place) or _unknown(place)
    if kind == "missing":
        return f"is missing; {_first_sentence(place)}"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    message = fault["msg"].removeprefix("Input should be ")
    shown = "nothing" if given is None else json.dumps(given, ensure_ascii=False)[:80]
    hint = ""
    if kind == "literal_error" and isinstance(given, str):
        near = difflib.get_close_matches(given, re.findall(r"'([^']*)'", message), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
    if kind == "bool_type":
        hint = "; only true and false are booleans"
    return f"must be {_one_line(message)}, got {shown}{hint}"


def _unknown(place: Place) -> str:
    section = _section(place[:-1])
    name = str(place[-1])
    near = difflib.get_close_matches(name, section.model_fields if section else [], n=1, cutoff=0.6)
    if near:
        return f"is not a field of a job; did you mean {near[0]}?"
    elsewhere = [_dotted((*where, name)) for where, model in sections() if name in model.model_fields]
    if elsewhere:
        return f"is not known here; it belongs at {elsewhere[0]}"
    far = difflib.get_close_matches(name, [f for _, m in sections() for f in m.model_fields], n=1, cutoff=0.5)
    nearest = far[0] if far else ", ".join(section.model_fields if section else ())
    return f"is not a field of a job; the nearest known: {nearest} (docs/config.md lists all)"


def _first_sentence(place: Place) -> str:
    section = _section(place[:-1])
    known = section.model_fields.get(str(place[-1])) if section else None
    return known.description.split("\n")[0] if known and known.description else "docs/config.md lists all fields"


def sections(model: type[BaseModel] = Job, place: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:
    """Every section of a job with its place, from the top down."""
    yield place, model
    for name, known in model.model_fields.items():
        for inner in _models_in(known.annotation):
            yield from sections(inner, (*place, name))


def _section(place: Place) -> type[BaseModel] | None:
    named = tuple(part for part in place if isinstance(part, str))
    return next((model for where, model in sections() if where == named), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


def _one_line(text: str) -> str:
    return " ".join(text.split())
