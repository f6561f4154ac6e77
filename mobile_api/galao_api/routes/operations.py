"""For those who run the service: is it alive, is it ready, which version; and what a problem's code means."""

from importlib.metadata import version as installed_version
from typing import Annotated

from fastapi import APIRouter, Depends

from galao_api.context import Service, service_of
from galao_api.problems import KINDS, Problem
from galao_api.schemas import Health, Meaning, ModelReference, Version

router = APIRouter(tags=["operations"])


@router.get("/livez")
async def livez() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz")
async def readyz(service: Annotated[Service, Depends(service_of)]) -> Health:
    """A model is warm and the service is not shutting down."""
    if service.draining:
        raise Problem("draining", "The service is shutting down; ask another one.", retry_after_s=5)
    if not service.models.ready:
        raise Problem("not_ready", "No model is served yet; try again shortly.", retry_after_s=5)
    return Health(status="ok")


@router.get("/version")
async def version(service: Annotated[Service, Depends(service_of)]) -> Version:
    """The program's version, its backend and its models."""
    bundles = [predictor.bundle for predictor in service.models.all()]
    return Version(
        galao=installed_version("galao"),
        backend=service.models.default.backend.name,
        models=[ModelReference(name=b.name, version=b.version, digest=b.digest) for b in bundles],
    )


@router.get("/problems/{code}")
async def problem(code: str) -> Meaning:
    """What the code of a problem stands for."""
    if code not in KINDS:
        raise Problem("no_such_code", f"There is no code {code[:40]!r}.")
    return Meaning(code=code, status=KINDS[code].status, title=KINDS[code].title)
