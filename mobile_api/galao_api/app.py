"""The service as an ASGI application: what is served where, and what surrounds every request."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from galao_api.answering import Desk
from galao_api.body import BodyGate, HeldBytes
from galao_api.context import Service
from galao_api.envelope import Envelope
from galao_api.legacy import Repeats
from galao_api.models import Models
from galao_api.problems import MEDIA_TYPE, Problem, of_http, respond
from galao_api.routes import classify_upload, models, operations, page, predict
from galao_api.schemas import ProblemDocument
from galao_api.settings import Settings
from galao_api.visit import visit_of

PROBLEM_STATUSES = ("4XX", "5XX")
DESCRIPTION = (
    "Names what is in a picture. Every error is application/problem+json (RFC 9457) with a `code` and a `request_id`."
)


class Application(FastAPI):
    """FastAPI, whose contract would claim that errors are application/json as well."""

    def openapi(self) -> dict[str, Any]:
        """The contract; every error in it is application/problem+json and nothing else."""
        document = super().openapi()
        for path in document["paths"].values():
            for operation in path.values():
                for status in PROBLEM_STATUSES:
                    operation["responses"][status]["content"].pop("application/json", None)
        return document


def create_app(models_served: Models, settings: Settings) -> FastAPI:
    """Put the service together around models that are loaded and warm."""
    service = Service(
        settings, models_served, Desk(settings), Repeats(settings.legacy_cache_s, settings.legacy_cache_entries)
    )
    app = Application(
        title="galao",
        summary="Pictures in, names out",
        description=DESCRIPTION,
        version=installed_version("galao"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service),
        responses=_problem_responses(),
    )
    app.state.service = service
    for part in (predict, models, classify_upload, operations, page):
        app.include_router(part.router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_bad_parameter)
    app.add_middleware(BodyGate, settings=settings, held=HeldBytes(int(settings.max_held_bytes)))
    app.add_middleware(Envelope)
    return app


def _lifespan(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.desk.close()

    return lifespan


def _problem_responses() -> dict[int | str, dict[str, Any]]:
    """For every operation; the model gets the schema into the contract."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    told = {"description": "A problem; its `code` says which.", "content": content, "model": ProblemDocument}
    return {status: dict(told) for status in PROBLEM_STATUSES}


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    visit = visit_of(request.scope)
    visit.note = problem.code
    return respond(problem, visit.request_id)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    visit = visit_of(request.scope)
    problem = of_http(error)
    visit.note = problem.code
    return respond(problem, visit.request_id, error.headers)


async def _on_bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return await _on_problem(request, Problem("bad_parameter", f"{name}: {first['msg']}."))
