"""multipart/form-data read into memory, part by part, within limits.

Starlette's own parser spools file parts above 1 MB to disk; an upload must never touch it. The tokenizer is
python-multipart's, the same that Starlette uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from galao_api.problems import Problem

MAX_PARTS = 64
T = TypeVar("T")


@dataclass(slots=True)
class Part:
    """One part: its bytes, or the fact that they are too many (``data`` is then dropped)."""

    name: str
    data: bytearray = field(default_factory=bytearray)
    size: int = 0

    def add(self, data: bytes, limit: int) -> None:
        """Append bytes; past the limit nothing is kept."""
        self.size += len(data)
        if self.size <= limit:
            self.data += data
        else:
            self.data.clear()


class FormReader:
    """Reads one form as it arrives.

    Args:
        content_type: the request's Content-Type, with its boundary.
        limits: the names of the parts to keep, each with its largest number of bytes; others are skipped.

    Raises:
        Problem: malformed (400), from any method.
    """

    def __init__(self, content_type: str, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._current: Part | None = None
        self._count = 0
        self._ended = False
        self.parts: list[Part] = []
        self.skipped: list[str] = []
        self._parser = _guard(lambda: self._open(content_type))

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        _guard(lambda: self._parser.write(chunk))

    def finish(self) -> list[Part]:
        """The parts that were asked for, in their order."""
        if not self._ended:
            raise Problem("malformed", "The form ends before its closing boundary; send it again.")
        return self.parts

    def _open(self, content_type: str) -> MultipartParser:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise Problem("malformed", "The Content-Type says multipart/form-data but names no boundary.")
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._count += 1
        self._disposition, self._current = b"", None
        if self._count > MAX_PARTS:
            raise Problem("malformed", f"The form has more than {MAX_PARTS} parts.")

    def _end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = bytes(value)
        name.clear()
        value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise Problem("malformed", "A part of the form has no name in its Content-Disposition.")
        name = options[b"name"].decode("utf-8", "replace")
        if name not in self._limits:
            self.skipped.append(name[:40])
            return
        self._current = Part(name)
        self.parts.append(self._current)

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._current is not None:
            self._current.add(data[start:end], self._limits[self._current.name])

    def _end(self) -> None:
        self._ended = True


def _guard(action: Callable[[], T]) -> T:
    try:
        return action()
    except FormParserError as error:
        raise Problem("malformed", f"The body is not valid multipart/form-data: {error}.") from error
