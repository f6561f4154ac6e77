"""The reference page and the JSON Schema of jobs, made from the models, so that they cannot be out of date.

``python -m galao.config.schema > docs/config.md``
"""

import json
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from galao.config.job import Job
from galao.config.load import sections

_HEAD = """\
# Every field of a job

Made by `make docs` from the code; do not edit. A job is a YAML file such as `configs/quickstart/job.yaml`;
`galao train JOB key.key=value` changes fields on the command line. Words are Caffe's with Caffe's meaning unless a
field says "ours". A field without a default must be given. Relative paths start at the working directory.
"""


def json_schema() -> str:
    """JSON Schema of a job, for editors that complete YAML."""
    return json.dumps(Job.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def reference_page() -> str:
    """The page docs/config.md."""
    return "\n".join([_HEAD, *(line for place, model in sections() for line in _section(place, model))])


def _section(place: tuple[str | int, ...], model: type[BaseModel]) -> Iterator[str]:
    title = ".".join(str(part) for part in place) or "the job"
    yield f"## {title}\n"
    yield " ".join((model.__doc__ or "").split()) + "\n"
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{name}` | {_kind(field.annotation)} | {_default(field)} | {meaning} |"
    yield ""


def _kind(annotation: Any) -> str:
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return " \\| ".join(str(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(a) for a in arguments if a is not type(None))
    if origin is typing.Annotated:
        return _kind(arguments[0])
    if origin is tuple:
        inner = [_kind(a) for a in arguments if a is not Ellipsis]
        return f"list of {inner[0]}" if Ellipsis in arguments else f"[{', '.join(inner)}]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return {"str": "text", "bool": "true or false", "int": "integer", "float": "number"}[annotation.__name__]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value == ():
        return "–"
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.stdout.write(reference_page())
