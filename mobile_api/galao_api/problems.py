"""Errors on the wire: always application/problem+json (RFC 9457), each code with one status and one title."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from galao.errors import PictureError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What every problem of one code has in common."""

    status: int
    title: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The request is not well formed"),
    "bad_parameter": Kind(400, "A parameter is not what it must be"),
    "empty_picture": Kind(400, "The picture is empty"),
    "no_images": Kind(400, "The request carries no picture"),
    "too_many_images": Kind(400, "The request carries too many pictures"),
    "incomplete_body": Kind(400, "The request ended too early"),
    "no_such_path": Kind(404, "There is nothing at this address"),
    "no_such_model": Kind(404, "No such model is served here"),
    "no_such_code": Kind(404, "There is no problem of this code"),
    "method_not_allowed": Kind(405, "This address does not take that method"),
    "slow_body": Kind(408, "The request took too long to arrive"),
    "picture_too_large": Kind(413, "The picture has too many bytes"),
    "request_too_large": Kind(413, "The request has too many bytes"),
    "unsupported_picture": Kind(415, "Not a picture of an accepted kind"),
    "picture_unusable": Kind(422, "The picture cannot be used"),
    "broken_picture": Kind(422, "The picture does not decode"),
    "too_many_pixels": Kind(422, "The picture has too many pixels"),
    "too_small": Kind(422, "The picture has too few pixels"),
    "headers_too_large": Kind(431, "The request's headers have too many bytes"),
    "internal": Kind(500, "Something went wrong on our side"),
    "busy": Kind(503, "The service is busy"),
    "draining": Kind(503, "The service is shutting down"),
    "not_ready": Kind(503, "The service is not ready yet"),
}

CODE_OF_STATUS = {400: "malformed", 404: "no_such_path", 405: "method_not_allowed", 413: "request_too_large"}


class Problem(Exception):
    """One problem, raised anywhere below a route and sent as problem+json.

    Args:
        code: a key of ``KINDS``.
        detail: one sentence for this very case: what is wrong and what to do.
        retry_after_s: sent as Retry-After, and as a member.
        extra: further members of the document, such as ``limit_bytes``.
    """

    def __init__(
        self, code: str, detail: str, *, retry_after_s: int | None = None, extra: Mapping[str, int | str] | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[code]
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.extra = dict(extra or {})
        if retry_after_s is not None:
            self.extra["retry_after_s"] = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """The JSON object of RFC 9457; without a request id it is the shorter form for one picture of several."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
        }
        if request_id is not None:
            document["request_id"] = request_id
        return document | self.extra


def of_picture(error: PictureError) -> Problem:
    """What the decoder says about a picture, as a problem."""
    return Problem(error.code if error.code in KINDS else "picture_unusable", str(error))


def of_http(error: HTTPException) -> Problem:
    """What the framework says (no such path, wrong method), as a problem."""
    code = CODE_OF_STATUS.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
    return Problem(code, DETAILS.get(code, str(error.detail)))


DETAILS = {
    "no_such_path": "Nothing is served at this address; the addresses are listed in /openapi.json.",
    "method_not_allowed": "See the Allow header for the methods that this address takes.",
}


def respond(problem: Problem, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer."""
    body = json.dumps(problem.document(request_id), ensure_ascii=False, allow_nan=False)
    merged = {"cache-control": "no-store", **problem.headers, **(headers or {})}
    return Response(body.encode(), status_code=problem.kind.status, headers=merged, media_type=MEDIA_TYPE)
