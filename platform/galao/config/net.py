"""The ``net`` section: which net, from which weights, and what learns how fast."""

from pydantic import Field, NonNegativeFloat, PositiveInt

from galao.config.section import Section


class ParamSpec(Section):
    """Multipliers for the blobs that a name pattern picks, as Caffe's ``param`` in a layer; a later match wins."""

    name: str = Field(min_length=1)
    """Pattern over parameter names with * and ?, such as ``*.bias``, or ``head`` for the head; must match something."""
    lr_mult: NonNegativeFloat = 1.0
    """Times base_lr; 0 freezes the blob."""
    decay_mult: NonNegativeFloat = 1.0
    """Times weight_decay."""


class NetConfig(Section):
    """Which net, from which weights, and what learns how fast."""

    name: str = "mobilenet_v3_small"
    """A classification net of torchvision by its name, such as resnet50 or convnext_tiny."""
    weights: str = "imagenet"
    """imagenet, a torchvision name (IMAGENET1K_V2), a .safetensors or .pth file, a bundle or run, embedded, or none."""
    num_output: PositiveInt | None = None
    """Number of classes; absent: the number of labels. Must agree with them where it is given."""
    param: tuple[ParamSpec, ...] = ()
    """lr_mult and decay_mult by name pattern. Caffe's habit for a new head: 10/1 for weights, 20/0 for biases."""
    freeze: tuple[str, ...] = ()
    """Name patterns of parameters that do not learn; a batch norm that is all frozen keeps its statistics too."""
    use_global_stats: bool = False
    """Batch norm uses its stored statistics while training too, as Caffe's field of that name: for few pictures."""
    allow_noncommercial: bool = False
    """Say true to use weights whose licence forbids commercial use."""
