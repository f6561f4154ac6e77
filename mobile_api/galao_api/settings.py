"""What an operator may set: by ``GALAO_...`` in the environment, or by the flags of ``galao serve``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ByteSize, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from galao.deploy.backends import usable_cores
from galao.errors import GalaoError

MIB = 1024 * 1024


class Settings(BaseSettings):
    """The limits and addresses of one service; sizes may be written as ``8MiB``."""

    model_config = SettingsConfigDict(
        env_prefix="GALAO_", frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )

    bundle: Path | None = None
    """The bundle to serve: its folder, or a run's folder that holds ``bundle/``."""
    host: str = "127.0.0.1"
    """The address to listen on. The default is this machine only: a stranger gets in when you say so."""
    port: int = Field(default=8080, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""
    backend: Literal["auto", "onnx", "torch"] = "auto"
    """What computes: auto = torch where there is a CUDA device, else ONNX Runtime."""

    max_picture_bytes: ByteSize = Field(default=ByteSize(8 * MIB), ge=1024)
    """The largest picture that is accepted."""
    max_request_bytes: ByteSize = Field(default=ByteSize(20 * MIB), ge=1024)
    """The largest request body that is accepted, however it is sent."""
    max_pictures: int = Field(default=5, ge=1)
    """How many pictures of the same specimen one request may carry."""
    max_held_bytes: ByteSize = Field(default=ByteSize(64 * MIB), ge=MIB)
    """How many bytes of uploads are held in memory at the same time, over all requests."""
    body_timeout_s: float = Field(default=30.0, gt=0)
    """How long a client may take to send a request's body."""
    header_timeout_s: float = Field(default=10.0, gt=0)
    """How long a client may take to send a request's headers."""
    max_header_bytes: ByteSize = Field(default=ByteSize(32 * 1024), ge=1024)
    """The largest request line and headers together."""
    max_connections: int = Field(default=512, ge=1)
    """How many connections may be open at the same time."""

    workers: int = Field(default_factory=usable_cores, ge=1)
    """How many requests are decoded and answered at the same time; the default is one for each core."""
    waiting_room: int = Field(default=64, ge=0)
    """How many requests may wait for a worker; the next one is refused with 503 and Retry-After."""

    legacy_cache_s: float = Field(default=60.0, ge=0)
    """How long the 2015 app's endpoint repeats its answer to the same picture."""
    legacy_cache_entries: int = Field(default=256, ge=1)
    """How many such answers are kept."""

    drain_notice_s: float = Field(default=0.5, ge=0)
    """After SIGTERM: how long /readyz says 503 before the door closes, so that a load balancer can notice."""
    drain_s: float = Field(default=20.0, gt=0)
    """After SIGTERM: how long accepted requests may take to finish."""


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """Flags that were given (not ``None``), else the environment, else the defaults.

    Raises:
        GalaoError: a value is not what it must be; the line names the setting.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise GalaoError(_one_line(error, given)) from error


def _one_line(error: ValidationError, given: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    place = f"--{name}" if name in given else f"GALAO_{name.upper()}"
    return f"{place}: {first['msg']} (got {first['input']!r})"
