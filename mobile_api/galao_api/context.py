"""What routes share: the settings, the models, the desk that answers, and whether we are leaving."""

from dataclasses import dataclass, field

from starlette.requests import Request

from galao_api.answering import Desk
from galao_api.legacy import Repeats
from galao_api.models import Models
from galao_api.settings import Settings


@dataclass(slots=True)
class Service:
    """One running service."""

    settings: Settings
    models: Models
    desk: Desk
    repeats: Repeats
    draining: bool = field(default=False)


def service_of(request: Request) -> Service:
    """The service that a request came to (a FastAPI dependency)."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service
