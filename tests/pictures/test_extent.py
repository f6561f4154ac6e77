"""Where a drafted picture ends."""

from PIL import Image

from galao.pictures.extent import extent, mark


def test_a_picture_ends_at_its_pixels_unless_marked():
    assert extent(Image.new("RGB", (7, 5))) == (0, 0, 7, 5)


def test_the_half_row_follows_the_turn():
    stored = {1: (0, 0, 250, 187.5), 2: (0, 0, 250, 187.5), 3: (0, 0.5, 250, 188), 4: (0, 0.5, 250, 188)}
    turned = {5: (0, 0, 187.5, 250), 6: (0.5, 0, 188, 250), 7: (0.5, 0, 188, 250), 8: (0, 0, 187.5, 250)}
    for orientation, box in (stored | turned).items():
        image = Image.new("RGB", (250, 188) if orientation < 5 else (188, 250))
        mark(image, 250, 187.5, orientation)
        assert extent(image) == box


def test_a_mark_does_not_outlive_its_size():
    image = Image.new("RGB", (250, 188))
    mark(image, 250, 187.5, 1)
    assert extent(image.resize((96, 72))) == (0, 0, 96, 72)
    assert extent(image.crop((0, 0, 100, 100))) == (0, 0, 100, 100)
