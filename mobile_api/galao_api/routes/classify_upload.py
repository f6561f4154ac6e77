"""POST /api/v1.0/classify_upload: the 2015 phone app, unchanged.

``classify_url`` of the old demo is not offered: it fetched any address for anybody.
"""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import JSONResponse

from galao_api.context import Service, service_of
from galao_api.legacy import ROWS, Row, rows_of
from galao_api.problems import Problem
from galao_api.schemas import LegacyAnswer
from galao_api.uploads import Upload, check_upload, read_form
from galao_api.visit import visit_of

router = APIRouter(tags=["2015 app"])
_FILE = {"type": "string", "format": "binary"}
_FORM = {
    "type": "object",
    "required": ["imagefile"],
    "properties": {"filename": {"type": "string"}, "imagefile": _FILE},
}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
}


@router.post("/api/v1.0/classify_upload", response_model=LegacyAnswer, openapi_extra=REQUEST_BODY)
async def classify_upload(request: Request, service: Annotated[Service, Depends(service_of)]) -> JSONResponse:
    """Name what is in a picture; the same picture within a minute gets the same answer without being asked again."""
    upload = await _read_picture(request, service)
    predictor = service.models.default
    key = f"{predictor.bundle.digest}/{hashlib.sha256(upload.data).hexdigest()}"

    async def ask() -> list[Row]:
        answered = await service.desk.answer(predictor, [upload], ROWS)
        visit_of(request.scope).timing_ms.update(answered.timing_ms)
        return rows_of(answered.predictions)

    rows = await service.repeats.get(key, ask)
    return JSONResponse({"result": [True, rows]}, headers={"cache-control": "no-store"})


async def _read_picture(request: Request, service: Service) -> Upload:
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise Problem("malformed", "Send multipart/form-data with the parts `filename` and `imagefile`.")
    parts, _ = await read_form(request, {"imagefile": int(service.settings.max_picture_bytes)})
    if not parts:
        raise Problem("no_images", "The form has no part `imagefile`.")
    upload = check_upload(bytes(parts[0].data), parts[0].size, service.settings)
    if upload.problem is not None:
        raise upload.problem
    return upload
