"""The models that are served, found by ``name`` or ``name@version``."""

from collections.abc import Sequence

from galao.deploy.predictor import Predictor
from galao_api.problems import Problem


class Models:
    """The served models; the first one is the default."""

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self._predictors = tuple(predictors)

    @property
    def ready(self) -> bool:
        """Whether there is anything to answer with."""
        return bool(self._predictors)

    @property
    def default(self) -> Predictor:
        """The model that answers ``/v1/predict``.

        Raises:
            Problem: none is served yet (503).
        """
        if not self._predictors:
            raise Problem("not_ready", "No model is served yet; try again shortly.", retry_after_s=5)
        return self._predictors[0]

    def all(self) -> tuple[Predictor, ...]:
        """Every model, the default first."""
        return self._predictors

    def find(self, reference: str) -> Predictor:
        """The model called ``name`` or ``name@version``.

        Raises:
            Problem: there is none (404).
        """
        name, at, version = reference.partition("@")
        for predictor in self._predictors:
            if predictor.bundle.name == name and (not at or predictor.bundle.version == version):
                return predictor
        served = ", ".join(f"{p.bundle.name}@{p.bundle.version}" for p in self._predictors) or "none"
        raise Problem("no_such_model", f"No model {reference[:80]!r} is served here; there is: {served}.")
