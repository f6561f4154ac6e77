"""The ``solver`` section: how the net learns. Caffe's words with Caffe's meaning; ours have names of their own."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from galao.config.section import Section

NEEDED_BY_POLICY: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "step": ("gamma", "stepsize"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "multistep": ("gamma", "stepvalue"),
    "poly": ("power",),
    "sigmoid": ("gamma", "stepsize"),
    "cosine": (),
}


class SolverConfig(Section):
    """How the net learns. One iteration is one update; i counts from 0."""

    type: Literal["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam", "AdamW"] = "SGD"
    """The update rule. The first six are Caffe's, to the letter (the rate sits inside the velocity); AdamW is ours."""
    base_lr: PositiveFloat
    """The rate that lr_policy starts from."""
    lr_policy: Literal["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid", "cosine"]
    """fixed: base_lr; step: base_lr·γ^⌊i/stepsize⌋; exp: base_lr·γ^i; inv: base_lr·(1+γi)^-power;
    multistep: times γ at each stepvalue; poly: base_lr·(1-i/max_iter)^power; sigmoid: base_lr/(1+e^(-γ(i-stepsize)));
    cosine (ours): base_lr·(1+cos(πi/max_iter))/2."""
    gamma: NonNegativeFloat | None = None
    """γ of step, exp, inv, multistep, sigmoid."""
    power: float | None = None
    """Exponent of inv and poly."""
    stepsize: PositiveInt | None = None
    """Iterations per step; the middle of sigmoid."""
    stepvalue: tuple[PositiveInt, ...] | None = Field(default=None, min_length=1)
    """Iterations at which multistep multiplies by γ: rising, no repeats."""
    max_iter: PositiveInt | None = None
    """Updates in all, also after a resume. Give this or max_epoch."""
    max_epoch: PositiveFloat | None = None
    """Passes over the train list in all (ours); turned into max_iter, rounded up."""
    warmup_iter: NonNegativeInt = 0
    """Iterations over which the rate rises linearly to what lr_policy says (ours)."""
    iter_size: PositiveInt = 1
    """Batches summed per update; the gradient is divided by it after clipping, as in Caffe."""
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """Momentum; Adam's and AdamW's β1, AdaDelta's decay. Caffe's default: an Adam without it has β1 = 0."""
    momentum2: float = Field(default=0.999, ge=0, lt=1)
    """β2 of Adam and AdamW."""
    rms_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of RMSProp."""
    delta: PositiveFloat = 1e-8
    """Keeps AdaGrad, RMSProp, AdaDelta, Adam and AdamW from dividing by zero."""
    weight_decay: NonNegativeFloat = 0.0
    """Times each blob's decay_mult; added to the gradient (AdamW: taken from the weight)."""
    regularization_type: Literal["L2", "L1"] = "L2"
    """What weight_decay pulls on: the weight or its sign."""
    clip_gradients: float = -1.0
    """Largest L2 norm of the summed gradient over all blobs, before iter_size divides it; negative: off."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """lr_mult times this to the power of the block's distance from the head (ours)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target spread over all classes (ours)."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay of a running average of the weights that is tested and shipped instead of them (ours); 0: off."""
    display: NonNegativeInt = 0
    """Iterations between lines with the loss; 0: silent."""
    average_loss: PositiveInt = 1
    """Iterations over which the shown loss is averaged."""
    test_interval: NonNegativeInt = 0
    """Iterations between tests on val; 0: once per epoch where there is a val."""
    test_initialization: bool = True
    """Also test before the first update."""
    test_iter: PositiveInt | None = None
    """Accepted for Caffe's sake: every val picture is counted exactly once, whatever this says."""
    patience: NonNegativeInt = 0
    """Stop after this many tests without a better val accuracy (ours); 0: never."""
    snapshot: NonNegativeInt = 0
    """Iterations between snapshots; 0: only at the end."""
    snapshot_prefix: str | None = None
    """Start of the snapshots' file names; one ending in / gets the job's name; absent: in the run's folder."""
    snapshot_after_train: bool = True
    """Also save when training ends, unless the last iteration was just saved."""
    solver_mode: Literal["auto", "CPU", "GPU"] = "auto"
    """auto (ours): the GPU where there is one. Caffe's default is GPU."""
    device_id: NonNegativeInt = 0
    """Which GPU."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """Arithmetic of forward and backward (ours); auto: bf16 on a GPU, float32 on a CPU. Weights stay float32."""
    random_seed: int = Field(default=-1, le=2**63 - 1)
    """Seed of order, augmentation, new layers and dropout; negative: drawn from the system and written into the run."""

    @model_validator(mode="after")
    def _policy_has_what_it_needs(self) -> Self:
        for field in NEEDED_BY_POLICY[self.lr_policy]:
            if getattr(self, field) is None:
                raise ValueError(f"lr_policy {self.lr_policy} needs {field}")
        values = self.stepvalue or ()
        if any(later <= earlier for earlier, later in pairwise(values)):
            raise ValueError(f"stepvalue must rise from entry to entry, got {list(values)}")
        return self

    @model_validator(mode="after")
    def _length_is_given_once(self) -> Self:
        if (self.max_iter is None) == (self.max_epoch is None):
            raise ValueError("give max_iter or max_epoch, one of the two")
        return self

    @model_validator(mode="after")
    def _no_silent_trap(self) -> Self:
        if self.type in ("AdaGrad", "RMSProp") and self.momentum != 0:
            raise ValueError(f"momentum must be 0 with {self.type}, as in Caffe")
        if self.type == "AdamW" and self.regularization_type == "L1":
            raise ValueError("regularization_type L1 is for Caffe's rules; AdamW takes weight_decay from the weight")
        if self.max_iter is not None and self.warmup_iter >= self.max_iter:
            raise ValueError(f"warmup_iter {self.warmup_iter} leaves nothing of max_iter {self.max_iter}")
        if self.clip_gradients == 0:
            raise ValueError("clip_gradients 0 would zero every gradient: leave it out, or give a positive norm")
        return self
