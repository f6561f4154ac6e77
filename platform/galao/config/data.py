"""The ``data`` section: which pictures, in what order, and how they become arrays."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from galao.config.section import Section


class TransformParam(Section):
    """What TRAIN and TEST do alike, so that no phase ever sees another picture size or scale.

    Pixels are RGB, 0-255 (Caffe: BGR, 0-255: turn a Caffe mean around). The result is (pixel - mean_value) * scale.
    """

    crop_size: PositiveInt | None = None
    """Side of the square that the net sees, in pixels; absent: the weights' card's."""
    short_side: PositiveInt | None = None
    """Short side to resize to before the crop, aspect kept (ours); absent: as the card, 256 for a crop of 224."""
    new_height: PositiveInt | None = None
    """Height to squash to before the crop, as Caffe does; only together with new_width and without short_side."""
    new_width: PositiveInt | None = None
    """Width to squash to before the crop, as Caffe does."""
    mean_value: tuple[float, ...] | None = Field(default=None, min_length=1, max_length=3)
    """One value, or one per channel in RGB order (Caffe: BGR), 0-255; absent: the weights' card's."""
    scale: float | tuple[float, float, float] | None = None
    """Factor after the mean is subtracted, one or one per channel; absent: the weights' card's (1/255/std)."""

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if (self.new_height is None) != (self.new_width is None):
            raise ValueError("new_height and new_width go together: give both or neither")
        if self.new_height is not None and self.short_side is not None:
            raise ValueError("short_side keeps the aspect, new_height and new_width squash: give one of the two")
        if self.mean_value is not None and len(self.mean_value) == 2:
            raise ValueError("mean_value has one value or three, in RGB order")
        sides = [side for side in (self.short_side, self.new_height, self.new_width) if side is not None]
        if self.crop_size is not None and sides and min(sides) < self.crop_size:
            raise ValueError(f"crop_size {self.crop_size} does not fit into a picture resized to {min(sides)}")
        return self


class TrainTransformParam(Section):
    """What only TRAIN does, by chance, seeded by (random_seed, epoch, place in the epoch)."""

    mirror: bool = False
    """Flip left-right with probability 1/2 (an error in TEST, where Caffe would flip too)."""
    random_area: tuple[float, float] | None = None
    """Crop a random share of the area between these two, resized to crop_size (ours); absent: Caffe's random place."""
    random_aspect: float = Field(default=4 / 3, ge=1, le=4)
    """With random_area: the crop's width / height lies between 1/this and this, log-uniformly (ours)."""
    color_jitter: NonNegativeFloat = Field(default=0.0, le=0.9)
    """Brightness, contrast and saturation each times a factor in 1 ± this (ours)."""

    @model_validator(mode="after")
    def _area_is_a_share(self) -> Self:
        if self.random_area is not None and not 0 < self.random_area[0] <= self.random_area[1] <= 1:
            raise ValueError("random_area is [smallest, largest] share of the picture, 0 < smallest <= largest <= 1")
        return self


class Phase(Section):
    """Pictures of one phase."""

    source: str = Field(min_length=1)
    """A list file (``path label`` per line, split at the last space) or a folder with one folder per class."""
    root_folder: str | None = None
    """Folder that a list's paths are relative to; absent: the list's own folder. Joined as a path, not as text."""
    batch_size: PositiveInt = 32
    """Pictures per forward pass."""


class TrainPhase(Phase):
    """Pictures to learn from (Caffe's phase TRAIN)."""

    shuffle: bool = True
    """A new seeded order each epoch. Caffe's default is false: a list sorted by class then makes the net forget."""
    transform_param: TrainTransformParam = TrainTransformParam()
    """What only TRAIN does."""


class DataConfig(Section):
    """Which pictures, in what order, and how they become arrays. Relative paths start at the working directory."""

    train: TrainPhase
    """Pictures to learn from."""
    val: Phase | None = None
    """Pictures watched every test_interval (Caffe's phase TEST): they choose the best model and stop a run early."""
    val_fraction: float | None = Field(default=None, gt=0, lt=1)
    """Without a val list: hold back this share of each class of train, seeded, as val (ours)."""
    test: Phase | None = None
    """Pictures opened once, at the end and by ``galao test``; never watched while training."""
    labels: str | None = None
    """labels.txt or synset_words.txt; absent: labels.txt beside the train list, or the class folders' names."""
    transform_param: TransformParam = TransformParam()
    """What TRAIN and TEST do alike."""
    broken_picture: Literal["error", "skip"] = "error"
    """A picture that does not decode ends the run naming it, or is skipped, counted and listed in skipped.tsv."""
    workers: PositiveInt | None = None
    """Threads that decode; absent: one per core, 8 at most."""

    @model_validator(mode="after")
    def _one_val(self) -> Self:
        if self.val is not None and self.val_fraction is not None:
            raise ValueError("val names a list, val_fraction cuts one from train: give one of the two")
        if self.transform_param.new_height is not None and self.train.transform_param.random_area is not None:
            raise ValueError(
                "random_area keeps the aspect, new_height and new_width squash: TRAIN and TEST would differ"
            )
        return self
