"""What stands around the plant: backgrounds, the shadow on the ground, blades, leaves and fingers in front."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from galao.pictures.flora.mesh import Array, Mesh
from galao.pictures.flora.paint import Light, View, place
from galao.pictures.flora.specimen import rgb

FAR = ("bokeh", "bokeh", "foliage", "foliage", "sky", "soil", "grass", "dark", "wall", "litter")
ABOVE = ("bokeh", "foliage", "foliage", "sky", "grass")
GROUNDS = ("soil", "grass", "litter", "stone", "foliage")


def noise(width: int, height: int, rng: Generator, coarsest: int = 48, octaves: int = 4) -> Array:
    """Clouds ``[height,width]`` around 0, about -1..1, from ``octaves`` random grids."""
    total = np.zeros((height, width))
    for step in range(octaves):
        cell = max(1, coarsest >> step * 1)
        small = rng.random((height // cell + 2, width // cell + 2), dtype=np.float32)
        layer = Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
        total += (np.asarray(layer) - 0.5) * 1.3 * 0.62**step
    return total


def _picture(array: Array) -> Image.Image:
    """An RGB picture from ``[H,W,3]`` in 0..1."""
    return Image.fromarray((np.clip(array, 0, 1) * 255).astype(np.uint8), "RGB")


def _two_tone(width: int, height: int, rng: Generator, low: Array, high: Array, coarsest: int = 40) -> Image.Image:
    """Noise between two colours."""
    share = np.clip(noise(width, height, rng, coarsest) * 0.55 + 0.5, 0, 1)[..., None]
    return _picture(low * (1 - share) + high * share)


def _ellipses(
    image: Image.Image, rng: Generator, count: int, radius: tuple[float, float], colours: list[Array], slim: float = 1.0
) -> None:
    """Rotated leaf shapes scattered over ``image``."""
    pen = ImageDraw.Draw(image)
    turn = np.linspace(0, 2 * np.pi, 11)[:-1]
    for _ in range(count):
        size, angle = rng.uniform(*radius), rng.uniform(0, np.pi)
        x, y = size * np.cos(turn), size * slim * rng.uniform(0.6, 1.0) * np.sin(turn)
        centre = rng.uniform(-0.1, 1.1, 2) * image.size
        px = centre[0] + x * np.cos(angle) - y * np.sin(angle)
        py = centre[1] + x * np.sin(angle) + y * np.cos(angle)
        colour = colours[int(rng.integers(len(colours)))] * rng.uniform(0.6, 1.2)
        pen.polygon(np.stack([px, py], axis=1).ravel().tolist(), _ink(colour))


def _ink(colour: Array, alpha: int = 255) -> tuple[int, ...]:
    """An sRGB colour as bytes."""
    red, green, blue = (np.clip(colour, 0, 1) * 255).astype(int).tolist()
    return (red, green, blue, alpha)


def _blades(image: Image.Image, rng: Generator, count: int, length: float, colours: list[Array]) -> None:
    """Grass blades all over ``image``."""
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.uniform(-0.1, 1.1, 2) * image.size
        lean, tall, wide = rng.normal(0, 0.35), length * rng.uniform(0.5, 1.3), rng.uniform(0.8, 2.4)
        tip = (x + lean * tall + rng.normal(0, 3), y - tall)
        middle = (x + lean * tall * 0.35, y - tall * 0.55)
        colour = colours[int(rng.integers(len(colours)))] * rng.uniform(0.55, 1.25)
        left, right = middle[0] - wide * 0.7, middle[0] + wide * 0.7
        pen.polygon([x - wide, y, left, middle[1], *tip, right, middle[1], x + wide, y], _ink(colour))


def _greens(rng: Generator, count: int = 4) -> list[Array]:
    """Greens of a meadow or a wood."""
    return [rgb(rng.uniform(0.18, 0.36), rng.uniform(0.3, 0.75), rng.uniform(0.25, 0.7)) for _ in range(count)]


def _browns(rng: Generator, count: int = 4) -> list[Array]:
    """Browns of soil and fallen leaves."""
    return [rgb(rng.uniform(0.03, 0.12), rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.65)) for _ in range(count)]


def _strangers(rng: Generator) -> list[Array]:
    """Colours of other flowers out of focus."""
    return [rgb(rng.uniform(0, 1), rng.uniform(0.1, 0.9), rng.uniform(0.6, 1.0)) for _ in range(2)]


def _soil(width: int, height: int, rng: Generator) -> Image.Image:
    low, high = _browns(rng, 2)
    image = _two_tone(width, height, rng, low * 0.6, high, int(rng.integers(10, 40)))
    _ellipses(image, rng, int(rng.integers(10, 60)), (1.0, 4.5), [high * 1.2, low, np.array([0.6, 0.58, 0.55])], 0.8)
    return image


def _grass(width: int, height: int, rng: Generator) -> Image.Image:
    greens = _greens(rng)
    image = _two_tone(width, height, rng, greens[0] * 0.4, greens[1] * 0.7, 30)
    _blades(image, rng, 170, rng.uniform(14, 60), [*greens, *_browns(rng, 1)])
    return image


def _litter(width: int, height: int, rng: Generator) -> Image.Image:
    browns = _browns(rng)
    image = _two_tone(width, height, rng, browns[0] * 0.4, browns[1] * 0.7, 30)
    _ellipses(image, rng, 90, (6.0, 20.0), [*browns, *_greens(rng, 1)], 0.5)
    return image


def _stone(width: int, height: int, rng: Generator) -> Image.Image:
    grey = rgb(rng.uniform(0, 1), rng.uniform(0, 0.12), rng.uniform(0.4, 0.8))
    image = _two_tone(width, height, rng, grey * 0.65, grey, 24)
    _ellipses(image, rng, 40, (2.0, 16.0), [grey, grey * 0.8], 0.8)
    return image


def _wall(width: int, height: int, rng: Generator) -> Image.Image:
    tint = rgb(rng.uniform(0, 1), rng.uniform(0, 0.16), rng.uniform(0.35, 0.95))
    return _two_tone(width, height, rng, tint * 0.85, tint, 60)


def _sky(width: int, height: int, rng: Generator) -> Image.Image:
    blue = rgb(rng.uniform(0.54, 0.63), rng.uniform(0.05, 0.6), rng.uniform(0.7, 0.95))
    return _two_tone(width, height, rng, blue, np.array([0.95, 0.95, 0.97]) * rng.uniform(0.85, 1.0), 90)


def _foliage(width: int, height: int, rng: Generator) -> Image.Image:
    greens = _greens(rng)
    image = _two_tone(width, height, rng, greens[0] * 0.3, greens[1] * 0.8, 50)
    _ellipses(image, rng, 60, (8.0, 34.0), greens, rng.uniform(0.25, 0.7))
    if rng.random() < 0.5:
        _ellipses(image, rng, int(rng.integers(2, 9)), (5.0, 16.0), _strangers(rng), 0.9)
    return image


def _bokeh(width: int, height: int, rng: Generator) -> Image.Image:
    image = _foliage(width, height, rng).filter(ImageFilter.GaussianBlur(9))
    discs = image.copy()
    bright = [*_greens(rng, 2), np.array([0.9, 0.95, 0.8]), *_strangers(rng)]
    pen = ImageDraw.Draw(discs)
    for _ in range(int(rng.integers(5, 22))):
        radius = rng.uniform(4, 16)
        x, y = rng.uniform(0, 1, 2) * image.size
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], _ink(bright[int(rng.integers(len(bright)))]))
    return Image.blend(image, discs, rng.uniform(0.2, 0.6)).filter(ImageFilter.GaussianBlur(1.2))


def _dark(width: int, height: int, rng: Generator) -> Image.Image:
    tint = rgb(rng.uniform(0, 1), rng.uniform(0, 0.5), rng.uniform(0.05, 0.2))
    return _two_tone(width, height, rng, tint * 0.5, tint * 1.5, 90)


_KINDS = {
    "soil": _soil,
    "grass": _grass,
    "litter": _litter,
    "stone": _stone,
    "wall": _wall,
    "sky": _sky,
    "foliage": _foliage,
    "bokeh": _bokeh,
    "dark": _dark,
}


def far_background(width: int, height: int, rng: Generator, kinds: tuple[str, ...] = FAR) -> Image.Image:
    """A background out of focus, as behind a close-up."""
    image = _KINDS[kinds[int(rng.integers(len(kinds)))]](width, height, rng)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(1.0, 8.0)))


def ground(width: int, height: int, rng: Generator) -> Image.Image:
    """The ground seen from above, nearly in focus."""
    image = _KINDS[GROUNDS[int(rng.integers(len(GROUNDS)))]](width, height, rng)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))


def landscape(width: int, height: int, horizon: float, rng: Generator) -> Image.Image:
    """Ground below ``horizon`` (a share of the height), something far above it."""
    below, above = ground(width, height, rng), far_background(width, height, rng, ABOVE)
    edge = (np.arange(height) / height - horizon)[:, None] * 12 + 0.5 * noise(width, height, rng, 40)
    mask = Image.fromarray((np.clip(edge + 0.5, 0, 1) * 255).astype(np.uint8), "L")
    return Image.composite(below, above, mask)


def ground_shadow(mesh: Mesh, view: View, light: Light, softness: float) -> Image.Image:
    """Where the plant keeps the sun from the ground y = 0: an L picture at half the view's size, 255 in full shadow."""
    middles = (mesh.quads[:, 0] + mesh.quads[:, 2]) / 2
    drop = middles[:, 1:2] / max(float(light.sun[1]), 0.25)
    fallen = middles - drop * light.sun
    fallen[:, 1] = 0.0
    pixels, _ = place(fallen, view)
    width, height = view.width // 2, view.height // 2
    x, y = (pixels.T / 2).astype(np.int64)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    mask = np.zeros((height, width), np.uint8)
    mask[y[inside], x[inside]] = 255
    spread = Image.fromarray(mask, "L").filter(ImageFilter.MaxFilter(5))
    return spread.filter(ImageFilter.GaussianBlur(softness))


def _finger(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Generator) -> None:
    """A finger that reaches in from an edge, lit from one side."""
    skin = rgb(rng.uniform(0.03, 0.08), rng.uniform(0.3, 0.55), rng.uniform(0.35, 0.9))
    thick = 0.065 * min(width, height) * rng.uniform(0.8, 1.4)
    left = rng.random() < 0.5
    start = np.array([-0.1 * width if left else 1.1 * width, rng.uniform(0.4, 1.1) * height])
    tip = start + np.array([1 if left else -1, rng.uniform(-0.6, 0.2)]) * width * rng.uniform(0.25, 0.48)
    side = np.array([0.0, 1.0])
    for step in np.linspace(1.0, 0.0, 6):
        colour = _ink(skin * (0.62 + 0.45 * (1 - step)))
        move = side * (step - 0.5) * thick * 0.9
        radius = thick * (0.55 + 0.45 * step)
        (x0, y0), (x1, y1) = start + move, tip + move
        pen.line([x0, y0, x1, y1], fill=colour, width=int(radius * 2))
        pen.ellipse([x1 - radius, y1 - radius, x1 + radius, y1 + radius], fill=colour)


def in_front(width: int, height: int, rng: Generator) -> Image.Image | None:
    """Blades, a leaf or a finger between camera and plant, as an RGBA picture; mostly nothing."""
    kind = rng.choice(5, p=[0.64, 0.2, 0.08, 0.04, 0.04])
    if kind == 0:
        return None
    layer = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(layer)
    short = min(width, height)
    if kind == 1:
        for _ in range(int(rng.integers(1, 5))):
            colour = _ink(_greens(rng, 1)[0] * rng.uniform(0.8, 1.2))
            x, wide = rng.uniform(-0.1, 1.1) * width, rng.uniform(0.008, 0.035) * short
            tip = (x + rng.normal(0, 0.3) * width, rng.uniform(-0.3, 0.6) * height)
            pen.polygon([x - wide, height + 2, x + wide, height + 2, *tip], colour)
        blur = rng.uniform(0.3, 3.0)
    elif kind == 2:
        _ellipses(layer, rng, int(rng.integers(1, 4)), (0.1 * short, 0.24 * short), _greens(rng, 2), 0.5)
        blur = rng.uniform(2.0, 6.0)
    elif kind == 3:
        _finger(pen, width, height, rng)
        blur = rng.uniform(0.5, 1.5)
    else:
        _ellipses(layer, rng, int(rng.integers(1, 4)), (0.05 * short, 0.12 * short), _strangers(rng), 0.8)
        blur = rng.uniform(2.0, 5.0)
    return layer.filter(ImageFilter.GaussianBlur(blur))
