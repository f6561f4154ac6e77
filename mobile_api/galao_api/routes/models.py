"""GET /v1/models: what is served, and how to send pictures to it."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from galao.deploy.predictor import Predictor
from galao_api.context import Service, service_of
from galao_api.schemas import LabelEntry, ModelCard, ModelList, ModelSummary, UploadAdvice
from galao_api.settings import Settings

router = APIRouter(tags=["models"])
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag of If-None-Match."}}


@router.get("/v1/models", response_model=ModelList, responses=NOT_MODIFIED)
async def list_models(request: Request, service: Annotated[Service, Depends(service_of)]) -> Response:
    """All served models."""
    entries = [_summary(predictor, place == 0) for place, predictor in enumerate(service.models.all())]
    return tagged(request, ModelList(models=entries))


@router.get("/v1/models/{model}", response_model=ModelCard, responses=NOT_MODIFIED)
async def show_model(request: Request, model: str, service: Annotated[Service, Depends(service_of)]) -> Response:
    """All about the model called ``name`` or ``name@version``: labels, metrics, licence, upload advice."""
    return tagged(request, _card(service.models.find(model), service.settings))


def tagged(request: Request, document: BaseModel) -> Response:
    """The document with an ETag, or 304 where the caller has it already."""
    body = json.dumps(document.model_dump(mode="json"), ensure_ascii=False).encode()
    return tagged_bytes(request, body, "application/json")


def tagged_bytes(request: Request, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """Bytes with an ETag, or 304; RFC 9110, 13.1.2."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache", **(headers or {})}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _summary(predictor: Predictor, default: bool) -> ModelSummary:
    bundle = predictor.bundle
    return ModelSummary(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        task=bundle.task,
        num_output=bundle.num_output,
        calibrated=False,
        default=default,
    )


def _card(predictor: Predictor, settings: Settings) -> ModelCard:
    bundle = predictor.bundle
    return ModelCard(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        task=bundle.task,
        net=bundle.net,
        num_output=bundle.num_output,
        labels=[LabelEntry(label=label.label, name=label.name) for label in bundle.labels],
        metrics=bundle.metrics,
        license=bundle.license,
        weights=bundle.weights,
        created=bundle.created,
        calibrated=False,
        preprocessing=bundle.preprocessing.to_json(),
        upload=_advice(bundle.upload, settings),
    )


def _advice(upload: dict[str, Any], settings: Settings) -> UploadAdvice:
    return UploadAdvice(
        **upload,
        max_picture_bytes=int(settings.max_picture_bytes),
        max_request_bytes=int(settings.max_request_bytes),
        max_images=settings.max_pictures,
    )
