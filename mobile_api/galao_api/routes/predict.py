"""POST /v1/predict and its forms for one model."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse

from galao.deploy.predictor import Predictor
from galao_api.answering import Answered, Seen
from galao_api.context import Service, service_of
from galao_api.problems import Problem
from galao_api.schemas import (
    ModelReference,
    PictureEntry,
    PictureProblem,
    PredictAnswer,
    PredictionEntry,
    PredictJson,
    Timing,
)
from galao_api.uploads import read_pictures
from galao_api.visit import visit_of

router = APIRouter(tags=["predict"])
TopK = Annotated[int | None, Query(ge=1, le=50, description="How many classes to answer; 5 unless told.")]
DEFAULT_TOP_K = 5
MAX_TOP_K = 50

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["images"],
        "properties": {
            "images": {
                "type": "array",
                "minItems": 1,
                "maxItems": 5,
                "items": {"type": "string", "format": "binary"},
                "description": "Pictures of the same specimen.",
            },
            "top_k": {"type": "integer", "minimum": 1, "maximum": 50},
        },
    }
}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One picture as it is, or up to five of the same specimen as a form or as JSON.",
        "content": {
            "image/*": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": _FORM,
            "application/json": {"schema": PredictJson.model_json_schema()},
        },
    }
}


@router.post("/v1/predict", response_model=PredictAnswer, openapi_extra=REQUEST_BODY)
async def predict(
    request: Request, service: Annotated[Service, Depends(service_of)], top_k: TopK = None
) -> JSONResponse:
    """Name what is in a picture, or in several of the same specimen, with the default model."""
    return await _predict(request, service, service.models.default, top_k)


@router.post("/v1/models/{model}/predict", response_model=PredictAnswer, openapi_extra=REQUEST_BODY)
async def predict_with(
    request: Request, model: str, service: Annotated[Service, Depends(service_of)], top_k: TopK = None
) -> JSONResponse:
    """The same with the model called ``name`` or ``name@version``."""
    return await _predict(request, service, service.models.find(model), top_k)


async def _predict(request: Request, service: Service, predictor: Predictor, top_k: int | None) -> JSONResponse:
    form = await read_pictures(request, service.settings)
    k = top_k or _top_k(form.top_k)
    answered = await service.desk.answer(predictor, form.uploads, k)
    visit = visit_of(request.scope)
    visit.timing_ms.update(answered.timing_ms)
    answer = _answer(predictor, answered, visit.total_ms())
    return JSONResponse(answer, headers={"cache-control": "no-store"})


def _top_k(text: str | None) -> int:
    if text is None:
        return DEFAULT_TOP_K
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 1 <= number <= MAX_TOP_K:
        raise Problem("bad_parameter", f"top_k must be a whole number from 1 to {MAX_TOP_K}, not {text[:20]!r}.")
    return number


def _answer(predictor: Predictor, answered: Answered, total_ms: float) -> dict[str, Any]:
    bundle = predictor.bundle
    answer = PredictAnswer(
        id=f"pr_{secrets.token_urlsafe(12)}",
        task="classify",
        model=ModelReference(name=bundle.name, version=bundle.version, digest=bundle.digest),
        verdict=None,
        calibrated=False,
        predictions=[
            PredictionEntry(label=p.label, name=p.name, index=p.index, confidence=min(1.0, p.confidence))
            for p in answered.predictions
        ],
        groups=[],
        images=[_picture(seen) for seen in answered.pictures],
        timing_ms=Timing(**answered.timing_ms, total=round(total_ms, 2)),
    )
    document = answer.model_dump(mode="json")
    document["images"] = [picture.model_dump(mode="json", exclude_none=True) for picture in answer.images]
    return document


def _picture(seen: Seen) -> PictureEntry:
    if seen.problem is not None:
        problem = PictureProblem.model_validate(seen.problem.document())
        return PictureEntry(sha256=seen.sha256 or None, problem=problem)
    return PictureEntry(sha256=seen.sha256, width=seen.width, height=seen.height, format=seen.format)
