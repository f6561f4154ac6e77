"""The phone page: four files from the package, read once, nothing from elsewhere."""

from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from galao_api.routes.models import tagged_bytes

router = APIRouter(include_in_schema=False)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOLDER = files("galao_api") / "web"
FILES = {name: (_FOLDER / name).read_bytes() for name in MEDIA_TYPES}


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    return _serve(request, "index.html")


@router.get("/page.css")
async def style(request: Request) -> Response:
    """How it looks."""
    return _serve(request, "page.css")


@router.get("/page.js")
async def script(request: Request) -> Response:
    """What it does."""
    return _serve(request, "page.js")


@router.get("/icon.svg")
async def icon(request: Request) -> Response:
    """Its picture in the tab."""
    return _serve(request, "icon.svg")


def _serve(request: Request, name: str) -> Response:
    headers = {"content-security-policy": POLICY, "permissions-policy": "geolocation=(), microphone=()"}
    return tagged_bytes(request, FILES[name], MEDIA_TYPES[name], headers)
