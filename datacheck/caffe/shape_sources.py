"""Rules for the top shapes of layers without bottoms, by layer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacheck.caffe.geometry import Dim, Misfit, Shape


def _data(message: Any, channels: Dim, sizes: tuple[Dim, Dim], batch: int) -> list[Shape | None]:
    """Return the shapes of the pictures (after the crop) and labels. Raises Misfit if the crop exceeds the records."""
    crop = message.transform_param.crop_size
    if crop:
        for size in sizes:
            if size is not None and size < crop:
                raise Misfit(f"the crop of {crop} is larger than the records' {size}", "transform_param.crop_size")
        sizes = (crop, crop)
    means = len(message.transform_param.mean_value)
    if channels is None and means > 1:
        channels = means
    return [(batch or None, channels, *sizes), (batch or None,)]


def _database(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    channels, height, width = record if record is not None and len(record) == 3 else (None, None, None)
    if message.transform_param.force_color or message.transform_param.force_gray:
        channels = channels or (3 if message.transform_param.force_color else 1)
    return _data(message, channels, (height, width), message.data_param.batch_size)


def _image_data(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    param = message.image_data_param
    sizes = (param.new_height or None, param.new_width or None)
    if record is not None and len(record) == 3 and None in sizes:
        sizes = (record[1], record[2])
    return _data(message, 3 if param.is_color else 1, sizes, param.batch_size)


def _window_data(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    batch = message.window_data_param.batch_size or None
    crop = message.transform_param.crop_size or None
    return [(batch, 3, crop, crop), (batch,)]


def _memory_data(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    param = message.memory_data_param
    if not param.batch_size * param.channels * param.height * param.width:
        raise Misfit("batch_size, channels, height and width must all be given and positive", "memory_data_param")
    return _data(message, param.channels, (param.height, param.width), param.batch_size)


def _dummy_data(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    param = message.dummy_data_param
    if param.shape:
        return _one_per_top([tuple(it.dim) for it in param.shape], count, "dummy_data_param.shape")
    columns = [_one_per_top(list(getattr(param, name)), count, f"dummy_data_param.{name}") for name in LEGACY]
    return [tuple(sizes) for sizes in zip(*columns, strict=True)]


LEGACY = ("num", "channels", "height", "width")


def _one_per_top(values: list[Any], count: int, field: str) -> list[Any]:
    """Return a value for each of `count` tops. Raises Misfit if there is neither one for all nor one for each."""
    if len(values) not in (1, count):
        raise Misfit(f"has {len(values)} values for {count} tops; it takes one, or one for each", field)
    return values * count if len(values) == 1 else values


def _input(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    shapes = [tuple(it.dim) for it in message.input_param.shape]
    return list(_one_per_top(shapes, count, "input_param.shape")) if shapes else []


def _hdf5_data(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    return [None] * count


def _parameter(message: Any, count: int, record: Shape | None) -> list[Shape | None]:
    return [tuple(message.parameter_param.shape.dim)]


SourceRule = Callable[[Any, int, Shape | None], list[Shape | None]]
SOURCES: dict[str, SourceRule] = {
    "Data": _database,
    "ImageData": _image_data,
    "WindowData": _window_data,
    "MemoryData": _memory_data,
    "DummyData": _dummy_data,
    "Input": _input,
    "HDF5Data": _hdf5_data,
    "Parameter": _parameter,
}
