"""A job: everything that a run is told."""

from typing import Literal, Self

from pydantic import Field, model_validator

from galao.config.data import DataConfig
from galao.config.deploy import DeployConfig
from galao.config.net import NetConfig
from galao.config.section import Section
from galao.config.solver import SolverConfig


class Job(Section):
    """Everything that a run is told; ``configs/<name>/job.yaml``."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Names the run's folder and the bundle: letters, digits, dot, dash, underscore."""
    task: Literal["classify"] = "classify"
    """What the net is asked: classify = which of the labels is it."""
    data: DataConfig
    """Which pictures, and how they become arrays."""
    net: NetConfig = NetConfig()
    """Which net, from which weights."""
    solver: SolverConfig
    """How it learns."""
    deploy: DeployConfig = DeployConfig()
    """What the finished bundle says about itself."""

    @model_validator(mode="after")
    def _patience_has_something_to_watch(self) -> Self:
        if self.solver.patience and self.data.val is None and self.data.val_fraction is None:
            raise ValueError("solver.patience watches val: give data.val or data.val_fraction")
        return self
