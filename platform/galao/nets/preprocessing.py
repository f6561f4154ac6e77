"""The TEST transform of a job: what the job says, and the weights' card where it says nothing."""

from galao.config.data import TransformParam
from galao.errors import JobError
from galao.nets.card import Card
from galao.pictures.prepare import Preprocessing


def resolve(param: TransformParam, card: Card) -> Preprocessing:
    """Fill in a job's transform_param from the weights' card.

    Raises:
        JobError: the crop does not fit into the resized picture.
    """
    default = card.preprocessing
    crop = param.crop_size or default.crop_size
    squash = param.new_height is not None or (default.new_height is not None and param.short_side is None)
    try:
        return Preprocessing(
            crop_size=crop,
            short_side=None if squash else param.short_side or _in_proportion(crop, default),
            new_height=param.new_height or (default.new_height if squash else None),
            new_width=param.new_width or (default.new_width if squash else None),
            mean=_three(param.mean_value) if param.mean_value is not None else default.mean,
            scale=_three(param.scale) if param.scale is not None else default.scale,
        )
    except ValueError as error:
        raise JobError(f"data.transform_param: {error}") from None


def _in_proportion(crop: int, default: Preprocessing) -> int:
    """The card's ratio of short side to crop, such as 256 to 224."""
    return max(crop, round(crop * (default.short_side or default.crop_size) / default.crop_size))


def _three(values: float | tuple[float, ...]) -> tuple[float, float, float]:
    if isinstance(values, float | int):
        return (values, values, values)
    r, g, b = values if len(values) == 3 else values * 3
    return (r, g, b)
