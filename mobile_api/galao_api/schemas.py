"""What answers look like: the contract, as pydantic models."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Schema(BaseModel):
    """Base of all: the sentence under a field is its description in openapi.json."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PictureProblem(Schema):
    """What is wrong with one picture of several."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    type: str
    """A reference to the kind of problem; GET it for its meaning."""
    title: str
    """The kind of problem in a few words."""
    status: int
    """The HTTP status that this problem has, or would have alone."""
    detail: str
    """What is wrong this time, and what to do."""
    code: str
    """The kind of problem, for programs."""


class ProblemDocument(PictureProblem):
    """An error, as RFC 9457 wants it."""

    request_id: str
    """The id of the request, also in the X-Request-ID header and in the log."""
    instance: str | None = None
    """Not sent at present."""


class ModelReference(Schema):
    """Which model answered."""

    name: str
    version: str
    digest: str


class PredictionEntry(Schema):
    """One class."""

    label: str
    """The class's identifier."""
    name: str
    """What a person reads."""
    index: int
    """The class's number, from 0."""
    confidence: float = Field(ge=0, le=1)
    """The net's share for this class; a probability only where the model is calibrated."""


class GroupEntry(Schema):
    """A group of classes, such as a genus."""

    label: str
    rank: str
    confidence: float = Field(ge=0, le=1)


class PictureEntry(Schema):
    """One picture of the request, in the order in which they came."""

    sha256: str | None = None
    """Of the bytes as they came."""
    width: int | None = None
    """Upright, in pixels."""
    height: int | None = None
    """Upright, in pixels."""
    format: str | None = None
    """What the bytes are, whatever their name said."""
    problem: PictureProblem | None = None
    """Why this picture was left out; then there is no size."""


class Timing(Schema):
    """Milliseconds."""

    decode: float
    """Bytes to the array that the net reads."""
    queue: float
    """Waiting for a free worker."""
    infer: float
    """The net."""
    total: float
    """From the request's headers to the answer, the upload's own time included."""


class PredictAnswer(Schema):
    """The answer for one specimen."""

    id: str
    """Names this answer."""
    task: Literal["classify"]
    model: ModelReference
    verdict: Literal["confident", "group_only", "unsure", "unknown"] | None
    """From calibrated thresholds; null until the model is calibrated."""
    calibrated: bool
    """Whether confidences are calibrated."""
    predictions: list[PredictionEntry]
    """The top_k classes, best first; of several pictures the average."""
    groups: list[GroupEntry]
    """Answers at group level; empty where the model knows no groups."""
    images: list[PictureEntry]
    timing_ms: Timing


class PredictJson(Schema):
    """Pictures in JSON."""

    images: list[str] = Field(min_length=1, max_length=5)
    """Base64, or data: URLs; all of the same specimen."""
    top_k: int | None = Field(default=None, ge=1, le=50)
    """How many classes to answer; the query parameter goes first."""


class UploadAdvice(Schema):
    """How far a client should shrink a photo before it sends it, and how much is accepted at most."""

    short_side: int
    """Shrink to this shorter side in pixels, never enlarge."""
    formats: list[str]
    """Media types, the best first."""
    quality: int
    """Of the encoder, 0 to 100."""
    max_picture_bytes: int
    max_request_bytes: int
    max_images: int


class ModelSummary(Schema):
    """One served model in a list."""

    name: str
    version: str
    digest: str
    task: str
    num_output: int
    calibrated: bool
    default: bool
    """Whether /v1/predict asks this one."""


class ModelList(Schema):
    """All served models."""

    models: list[ModelSummary]


class LabelEntry(Schema):
    """One class; its index is its place in the list."""

    label: str
    name: str


class ModelCard(Schema):
    """All about one served model."""

    name: str
    version: str
    digest: str
    task: str
    net: str
    num_output: int
    labels: list[LabelEntry]
    metrics: dict[str, Any]
    license: str
    weights: str
    """Where the net started from."""
    created: str
    calibrated: bool
    preprocessing: dict[str, Any]
    """The TEST transform."""
    upload: UploadAdvice


class Health(Schema):
    """All is well."""

    status: Literal["ok"]


class Version(Schema):
    """What runs here."""

    galao: str
    backend: str
    models: list[ModelReference]


class Meaning(Schema):
    """What a problem's code stands for."""

    code: str
    status: int
    title: str


class LegacyAnswer(Schema):
    """The answer that the 2015 app reads: [true, [[label, score] five times]]."""

    result: list[bool | list[list[str]]]
