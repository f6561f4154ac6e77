"""Where a request's pictures come from: a raw body, a form, or base64 in JSON. They stay in memory, within limits."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from galao_api.body import Body, content_length, too_large_picture, too_large_request
from galao_api.multipart import FormReader, Part
from galao_api.problems import Problem
from galao_api.settings import Settings

MAX_TEXT_BYTES = 1024
JSON_SHAPE = 'an object like {"images": ["<base64>", ...]}'
JSON_MARKS = 64
"""More brackets, commas or colons than this are no list of pictures; counted before parsing, as small objects by
the million take twenty times their text in memory."""
_DATA_URL = re.compile(r"data:[\w.+/-]*(;[\w.=+-]+)*;base64,")


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture as it came: its bytes, or what is wrong with it already."""

    data: bytes
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What a request holds: its pictures, and ``top_k`` if the body says one."""

    uploads: Sequence[Upload]
    top_k: str | None = None


async def read_pictures(request: Request, settings: Settings) -> Form:
    """Read the body of a predict request, whichever of the three forms it has.

    Anything that is neither a form nor JSON is taken as the picture itself: clients name the wrong type too
    often, and the decoder looks at the bytes.

    Raises:
        Problem: the body is malformed, too large, too slow, or holds no picture or too many.
    """
    content_type = request.headers.get("content-type", "")
    kind, _ = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return _from_parts(*await read_form(request, {"images": _limit(settings), "top_k": MAX_TEXT_BYTES}), settings)
    if kind == b"application/json":
        return await _from_json(request, settings)
    data = await _read_all(request, _limit(settings), too_large_picture)
    return Form([check_upload(bytes(data), len(data), settings)])


async def read_form(request: Request, limits: dict[str, int]) -> tuple[list[Part], list[str]]:
    """Read a multipart body: the parts asked for, and the names of those that were skipped."""
    reader = FormReader(request.headers.get("content-type", ""), limits)
    try:
        async for chunk in request.stream():
            reader.feed(chunk)
    except ClientDisconnect as error:
        raise _gone() from error
    return reader.finish(), reader.skipped


def check_upload(data: bytes, size: int, settings: Settings) -> Upload:
    """One picture's bytes; empty ones and (by ``size``, the bytes that were sent) too large ones are named."""
    if size == 0:
        return Upload(b"", Problem("empty_picture", "The picture has 0 bytes; choose it again."))
    if size > settings.max_picture_bytes:
        return Upload(b"", too_large_picture(_limit(settings)))
    return Upload(data)


def _limit(settings: Settings) -> int:
    return int(settings.max_picture_bytes)


async def _read_all(request: Request, limit: int, too_large: Callable[[int], Problem]) -> bytearray:
    """The whole body; refused by its declared length, or else as soon as it passes the limit."""
    data = bytearray()
    if content_length(request.headers) > limit:
        raise too_large(limit)
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise too_large(limit)
    except ClientDisconnect as error:
        raise _gone() from error
    return data


def _gone() -> Problem:
    return Problem("incomplete_body", "The connection ended before the whole body had arrived.")


def _from_parts(parts: Sequence[Part], skipped: Sequence[str], settings: Settings) -> Form:
    pictures = [part for part in parts if part.name == "images"]
    texts = [part.data.decode("utf-8", "replace") for part in parts if part.name == "top_k"]
    _check_count(len(pictures), settings, f"the form's parts are: {', '.join(skipped)}" if skipped else "")
    uploads = [check_upload(bytes(part.data), part.size, settings) for part in pictures]
    return Form(uploads, texts[-1] if texts else None)


async def _from_json(request: Request, settings: Settings) -> Form:
    body = await _read_all(request, int(settings.max_request_bytes), too_large_request)
    gate = request.scope["state"]["body"]
    assert isinstance(gate, Body)
    gate.charge(len(body))
    _check_marks(body)
    document = _parse(_to_text(body))
    images = document.get("images")
    if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        raise Problem("malformed", f"The JSON must be {JSON_SHAPE}.")
    _check_count(len(images), settings)
    top_k = document.get("top_k")
    return Form([_from_base64(text, settings) for text in images], None if top_k is None else json.dumps(top_k))


def _check_marks(body: bytearray) -> None:
    if sum(body.count(mark) for mark in (b"{", b"[", b",", b":")) > JSON_MARKS:
        raise Problem("malformed", f"The JSON has too many elements; it must be {JSON_SHAPE}.")


def _to_text(body: bytearray) -> str:
    """The body as text; its bytes are let go, so that it is not held twice while it is parsed."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed", "The JSON is not UTF-8.") from error
    body.clear()
    return text


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed", f"The body is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Problem("malformed", f"The JSON must be {JSON_SHAPE}.")
    return document


def _from_base64(text: str, settings: Settings) -> Upload:
    opening = _DATA_URL.match(text[:200])
    text = text[opening.end() :] if opening else text
    if len(text) * 3 // 4 > settings.max_picture_bytes * 1.05:
        return Upload(b"", too_large_picture(_limit(settings)))
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return Upload(b"", Problem("malformed", "The picture is not valid base64."))
    return check_upload(data, len(data), settings)


def _check_count(count: int, settings: Settings, found: str = "") -> None:
    if count == 0:
        hint = f" ({found})" if found else ""
        raise Problem("no_images", f"Send 1 to {settings.max_pictures} pictures as `images`{hint}.")
    if count > settings.max_pictures:
        limit = settings.max_pictures
        detail = f"Send at most {limit} pictures, all of the same specimen; these are {count}."
        raise Problem("too_many_images", detail, extra={"limit_images": limit})
