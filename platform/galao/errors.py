"""Every error a user can cause, as one tree.

GalaoError                     one line: what, where, what to do
├── JobError                   a job file or an override says something it may not
├── ListError                  a list of pictures, labels or a data folder is not as it must be
├── PictureError               one picture cannot be used
│   ├── UnsupportedPicture     the bytes are not a picture of an accepted kind
│   ├── BrokenPicture          it looks like a picture, but does not decode
│   ├── TooLarge               too many bytes or too many pixels
│   └── TooSmall               too few pixels to say anything
├── WeightsError               weights are missing, of another shape, or may not be used
├── DeviceError                the device asked for is not there
├── RunError                   a run cannot be written, read or continued
│   └── Diverged               the loss is not finite any more
└── BundleError                a bundle is incomplete, edited, or disagrees with itself

The command line prints the message after ``galao: `` and exits with 1; the service turns a
``PictureError`` into problem+json. An ``assert`` is for our own mistakes, never for a user's.
"""


class GalaoError(Exception):
    """A mistake that the user can mend; ``str(error)`` is one line that says what, where and what to do."""


class JobError(GalaoError):
    """A job file or an override says something it may not."""


class ListError(GalaoError):
    """A list of pictures, a labels file or a data folder is not as it must be."""


class PictureError(GalaoError):
    """One picture cannot be used."""

    code = "picture_unusable"


class UnsupportedPicture(PictureError):
    """The bytes are not a picture of an accepted kind."""

    code = "unsupported_picture"


class BrokenPicture(PictureError):
    """The bytes look like a picture, but do not decode."""

    code = "broken_picture"


class TooLarge(PictureError):
    """More pixels than the cap allows; found in the header, before anything is decoded."""

    code = "too_many_pixels"


class TooSmall(PictureError):
    """Too few pixels to say anything about."""

    code = "too_small"


class WeightsError(GalaoError):
    """Weights are missing, of another shape, or may not be used."""


class DeviceError(GalaoError):
    """The device asked for is not there."""


class RunError(GalaoError):
    """A run cannot be written, read or continued."""


class Diverged(RunError):
    """The loss is not finite any more."""


class BundleError(GalaoError):
    """A bundle is incomplete, edited, or disagrees with itself."""
