"""What every section of a job has in common: frozen, strict, and explained by the sentence under each field."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One section of a job: unknown fields are refused, values are never bent into another type."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
    )
