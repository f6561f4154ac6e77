"""What the decoder wants to know of a file before it decodes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """One picture's header, read by us and not by the codec.

    ``body`` is the file without what no pixel depends on (comments, profiles, EXIF, further frames): the codec
    sees nothing that it could trip over, warn about or unpack to gigabytes.
    """

    format: str
    """jpeg, png, webp, avif, heif, gif, tiff or bmp."""
    width: int
    """Pixels, as stored (before the orientation is applied)."""
    height: int
    body: bytes
    orientation: int = 1
    """EXIF's 1..8; 1 is upright."""
    slow: bool = True
    """The lower cap of pixels holds: the codec must hold the whole picture at full size, however small it is wanted."""
    scales: bool = False
    """The codec can decode at 1/2, 1/4 or 1/8 (JPEG's draft)."""
