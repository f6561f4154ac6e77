"""AV1's own word on its size (AV1 Bitstream Specification, section 5.5).

The boxes around an AV1 picture may say 64 x 64 while the picture itself is 16384 x 16384: libavif decodes that, taking
gigabytes, and scales it down. So the sequence header is asked as well.
"""

SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6
LONGEST_HEADER = 256
MOST_UNITS = 1000


def largest(data: bytes) -> tuple[int, int]:
    """Width and height, in pixels, of the largest sequence header up to the first frame; (0, 0) where there is none."""
    at, sizes = 0, [(0, 0)]
    for _ in range(MOST_UNITS):
        if at >= len(data) or data[at] & 0x80:
            break
        kind, extended, sized = data[at] >> 3 & 15, data[at] & 4, data[at] & 2
        at += 2 if extended else 1
        length, at = _leb128(data, at) if sized else (len(data) - at, at)
        if kind in {FRAME_HEADER, FRAME}:
            break
        if kind == SEQUENCE_HEADER:
            sizes.append(_size(Bits(data[at : at + min(length, LONGEST_HEADER)])))
        at += length
    return max(sizes, key=lambda size: size[0] * size[1])


class Bits:
    """Bits, read from the first on; zeros after the last."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def read(self, count: int) -> int:
        """The next ``count`` bits as a number."""
        self.left -= count
        shifted = self.value >> self.left if self.left >= 0 else self.value << -self.left
        return shifted & (1 << count) - 1

    def skip_exp_golomb(self) -> None:
        """Pass over one ``uvlc()``."""
        zeros = 0
        while zeros < 32 and self.left > 0 and not self.read(1):
            zeros += 1
        self.read(zeros if zeros < 32 else 0)


def _size(bits: Bits) -> tuple[int, int]:
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced header of a still picture
        bits.read(5)
    else:
        _skip_operating_points(bits, _skip_timing(bits))
    wide, high = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(wide) + 1, bits.read(high) + 1


def _skip_timing(bits: Bits) -> int:
    """Pass over timing and decoder model; how many bits a buffer delay has, 0 where there is no model."""
    if not bits.read(1):
        return 0
    bits.read(64)
    if bits.read(1):
        bits.skip_exp_golomb()
    if not bits.read(1):
        return 0
    delay = bits.read(5) + 1
    bits.read(42)
    return delay


def _skip_operating_points(bits: Bits, delay: int) -> None:
    display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay and bits.read(1):
            bits.read(2 * delay + 1)
        if display_delay and bits.read(1):
            bits.read(4)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at] if at < len(data) else 0
        value |= (byte & 0x7F) << 7 * place
        at += 1
        if byte < 0x80:
            break
    return value, at
