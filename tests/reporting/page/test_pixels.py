"""Test values drawn as pixels: the picture shows what is there, whatever the shape, and in bounded size."""

import io

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import jpeg, pillow
from datacheck.reporting.page import pixels
from datacheck.reporting.png import png


def decoded(raw):
    return np.asarray(Image.open(io.BytesIO(raw)))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1), (160, 2, 3)])
def test_a_png_holds_its_pixels(shape):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(decoded(png(values)), values)


@pytest.mark.parametrize("shape", [(3, 2000, 1500), (1, 10, 4000), (3, 4000, 10), (4, 300, 300), (3, 8, 8)])
def test_thumbnails_are_small(shape):
    made = pixels.thumbnail(np.zeros(shape, np.uint8))
    assert max(made.shape[:2]) <= pixels.SIDE
    assert min(made.shape[:2]) >= 1
    assert decoded(png(made)).shape[:2] == made.shape[:2]


def test_a_thumbnail_is_the_mean_of_what_it_stands_for():
    picture = np.zeros((1, 320, 320), np.uint8)
    picture[:, :, 1::2] = 200
    assert (pixels.thumbnail(picture) == 100).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "shape", [(3, 16, 16), (16, 16, 3), (1, 20, 30), (40, 50), (2, 9, 11), (1, 1, 64, 2), (500, 3)]
)
def test_any_array_is_drawn(shape, dtype):
    values = np.random.default_rng(2).integers(0, 100, shape).astype(dtype)
    made = pixels.array_picture(values)
    assert made.pixels.dtype == np.uint8
    assert max(made.pixels.shape[:2]) <= pixels.SIDE
    assert made.marks == ()


@pytest.mark.parametrize(
    "values", [np.float32(3), np.zeros(7), np.zeros((1, 9)), np.zeros((0, 4)), np.array(["x", "y"])]
)
def test_what_has_no_two_dimensions_is_no_picture(values):
    assert pixels.array_picture(np.asarray(values)) is None


@pytest.mark.parametrize("shape", [(40, 50), (3, 32, 32), (900, 700), (3, 500, 400)])
def test_nan_and_infinity_have_their_colours_wherever_one_is(shape):
    values = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    values[(..., 0, 0)[-len(shape) :] if len(shape) == 2 else (0, 0, 0)] = np.nan
    values[(..., shape[-2] - 1, shape[-1] - 1)] = np.inf
    made = pixels.array_picture(values)
    assert tuple(made.pixels[0, 0]) == pixels.NOT_A_NUMBER
    assert tuple(made.pixels[-1, -1]) == pixels.INFINITE
    height, width = made.pixels.shape[:2]
    assert {(0, 0, "nan"), (width - 1, height - 1, "inf")} == set(made.marks)


def test_many_marks_are_colour_alone():
    values = np.full((40, 50), np.nan)
    made = pixels.array_picture(values)
    assert made.marks == ()
    assert (made.pixels == pixels.NOT_A_NUMBER).all()


@pytest.mark.parametrize(
    "values", [[1e308, -1e308, 0.0, 1e308], [5.0] * 6, [np.inf, -np.inf, np.nan, np.nan], [0.0, np.finfo("f8").max] * 4]
)
def test_extreme_values_are_drawn_without_a_warning(values):
    line = pixels.curve(np.array(values))
    assert line.low <= line.high
    plane = np.array([values, values])
    assert pixels.array_picture(plane).pixels.shape[:2] == plane.shape


def test_a_line_has_the_bounds_of_each_step_and_marks_what_is_not_finite():
    values = np.arange(100_000, dtype=np.float64)
    values[50_000] = np.nan
    line = pixels.curve(values)
    assert len(line.lows) == len(line.highs) == pixels.STEPS
    assert (line.low, line.high) == (0.0, 99_999.0)
    assert line.lows[0] == 0.0
    assert line.highs[-1] == 99_999.0
    assert line.marked == (pixels.STEPS // 2,)
    assert line.count == 100_000


def test_a_line_of_nothing_finite_is_marked_throughout():
    line = pixels.curve(np.full(10, np.nan))
    assert line.marked == tuple(range(10))
    assert set(line.lows) == {None}


def photo(size=96):
    ramp = np.linspace(0, 255, size)
    values = np.stack(
        [np.add.outer(ramp, ramp) / 2, np.add.outer(ramp[::-1], ramp) / 2, np.add.outer(ramp, ramp[::-1]) / 2]
    )
    noise = np.random.default_rng(5).normal(size=values.shape) * 20
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def encoded(image, kind):
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_the_missing_part_of_a_cut_jpeg_is_found(share):
    raw = encoded(photo(), "JPEG")
    shown = jpeg.as_loaders_see(raw[: int(len(raw) * share)])
    areas = pixels.filled_areas(shown, pixels.FLAT_GREY)
    assert abs(areas[0][1] - share) < 0.25
    assert areas[0] == (0.0, areas[0][1], 1.0, 1 - areas[0][1])


def test_nothing_is_missing_in_a_whole_picture():
    assert pixels.filled_areas(jpeg.as_loaders_see(encoded(photo(), "JPEG")), pixels.FLAT_GREY) == ()
    assert pixels.filled_areas(pillow.as_loaders_see(encoded(photo(), "PNG"), "PNG"), pixels.BLACK) == ()


def test_the_missing_part_of_a_cut_png_is_found():
    raw = encoded(photo(), "PNG")
    areas = pixels.filled_areas(pillow.as_loaders_see(raw[: len(raw) // 2], "PNG"), pixels.BLACK)
    assert 0.3 < areas[0][1] < 0.7


@pytest.mark.parametrize("raw", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0" + bytes(40), bytes(100)])
def test_what_is_no_picture_is_none(raw):
    assert jpeg.as_loaders_see(raw) is None
    assert pillow.as_loaders_see(raw, "PNG") is None


def test_large_pictures_are_decoded_small():
    raw = encoded(photo(2000), "JPEG")
    assert max(jpeg.as_loaders_see(raw).shape) < 1000
    areas = pixels.filled_areas(jpeg.as_loaders_see(raw[: len(raw) // 2]), pixels.FLAT_GREY)
    assert abs(areas[0][1] - 0.5) < 0.2
