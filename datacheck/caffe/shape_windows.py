"""Rules for the top shapes of layers with a sliding window: Convolution, Deconvolution, Im2col, Pooling, SPP."""

from __future__ import annotations

from typing import Any

from datacheck.caffe.geometry import Dim, Misfit, Shape, Shapes, axis_of, shape_text
from datacheck.caffe.pooling import Axis
from datacheck.caffe.pyramid import MOST_LEVELS
from datacheck.caffe.schema import enums


def _spatial_sizes(param: Any, names: tuple[str, ...], count: int, default: int | None) -> list[int]:
    """Return a window's size along each of `count` axes; `names` are like `kernel_size`, `kernel_h`, `kernel_w`.

    `default` is the size if none is set (None: there is no default). Raises Misfit if the fields contradict one another
    or do not match the number of axes.
    """
    field = "convolution_param"
    values = list(getattr(param, names[0]))
    if len(names) > 1 and any(param.HasField(name) for name in names[1:]):
        if values:
            raise Misfit(f"gives {names[0]} and {names[1]}, {names[2]}; Caffe takes one or the other", field)
        if count != 2:
            raise Misfit(f"{names[1]} and {names[2]} are for two axes, not {count}", field)
        return [getattr(param, name) for name in names[1:]]
    if not values and default is not None:
        return [default] * count
    if not values:
        raise Misfit(f"{names[0]} is missing", field)
    if len(values) not in (1, count):
        raise Misfit(f"has {len(values)} values of {names[0]} for {count} axes", field)
    return values * count if len(values) == 1 else values


def convolution(message: Any, bottoms: Shapes, count: int, *, transposed: bool = False) -> list[Shape | None]:
    """Return the tops of Convolution, or of Deconvolution (base_conv_layer.cpp)."""
    param, shape = message.convolution_param, bottoms[0]
    if shape is None:
        _window_parameters(param, _axes_given(param))
        _check_groups(param, None)
        return [None] * count
    axis = axis_of(shape, param.axis, "convolution_param.axis")
    axes = len(shape) - axis - 1
    kernel, stride, pad, dilation = _window_parameters(param, axes)
    _check_groups(param, shape[axis])
    sizes: list[Dim] = []
    for index, size in enumerate(shape[axis + 1 :]):
        extent = dilation[index] * (kernel[index] - 1) + 1
        if size is None:
            sizes.append(None)
        elif transposed:
            sizes.append(stride[index] * (size - 1) + extent - 2 * pad[index])
        else:
            room = size + 2 * pad[index] - extent
            sizes.append(_window_count(room, stride[index]))
    if any(size is not None and size < 1 for size in sizes):
        kernel_text = "x".join(map(str, kernel))
        raise Misfit(
            f"the kernel {kernel_text} does not fit into {shape_text(shape)}: the top would be "
            f"{shape_text(tuple(sizes))}"
        )
    return [(*shape[:axis], param.num_output, *sizes)] * count


def im2col(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the top of Im2col: a window's values as channels, and the number of windows along each axis."""
    param, shape = message.convolution_param, bottoms[0]
    if shape is None:
        _window_parameters(param, _axes_given(param))
        return [None] * count
    axis = axis_of(shape, param.axis, "convolution_param.axis")
    axes = len(shape) - axis - 1
    if axes < 1:
        raise Misfit(f"{shape_text(shape)} has no axis behind axis {axis} to go over", "convolution_param.axis")
    kernel, stride, pad, dilation = _window_parameters(param, axes)
    channels, sizes = shape[axis], list[Dim]()
    for index, size in enumerate(shape[axis + 1 :]):
        channels = None if channels is None else channels * kernel[index]
        room = None if size is None else size + 2 * pad[index] - dilation[index] * (kernel[index] - 1) - 1
        sizes.append(None if room is None else _window_count(room, stride[index]))
    return [(*shape[:axis], channels, *sizes)] * count


def _axes_given(param: Any) -> int:
    """Return over how many axes a window goes by its parameters, for a bottom of unknown shape."""
    if any(param.HasField(name) for name in ("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w")):
        return 2
    several = max(len(it) for it in (param.kernel_size, param.stride, param.pad, param.dilation))
    return several if several > 1 else 2


def _window_parameters(param: Any, axes: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return kernel, stride, pad and dilation along each axis."""
    kernel = _spatial_sizes(param, ("kernel_size", "kernel_h", "kernel_w"), axes, None)
    stride = _spatial_sizes(param, ("stride", "stride_h", "stride_w"), axes, 1)
    pad = _spatial_sizes(param, ("pad", "pad_h", "pad_w"), axes, 0)
    dilation = _spatial_sizes(param, ("dilation",), axes, 1)
    if min([*kernel, 1]) < 1 or min([*stride, 1]) < 1:
        raise Misfit("the kernel's sizes and the strides must be at least 1", "convolution_param")
    return kernel, stride, pad, dilation


def _window_count(room: int, stride: int) -> int:
    """Return the number of windows, with the quotient rounded toward 0 as in C++."""
    return (room // stride if room >= 0 else -(-room // stride)) + 1


def _check_groups(param: Any, channels: Dim) -> None:
    if not param.num_output:
        raise Misfit("num_output is missing or 0", "convolution_param.num_output")
    if param.group < 1:
        raise Misfit("group is 0", "convolution_param.group")
    if channels is not None and channels % param.group:
        raise Misfit(f"{channels} channels cannot be put into {param.group} groups", "convolution_param.group")
    if param.num_output % param.group:
        raise Misfit(
            f"num_output {param.num_output} cannot be put into {param.group} groups", "convolution_param.group"
        )


def deconvolution(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    return convolution(message, bottoms, count, transposed=True)


def pooling_axes(message: Any, shape: Shape) -> tuple[Axis | None, Axis | None]:
    """Return how a Pooling layer moves over height and width; None for an axis of unknown size. Raises Misfit."""
    param = message.pooling_param
    if len(shape) != 4:
        raise Misfit(f"pooling takes 4 axes, not the {len(shape)} of {shape_text(shape)}")
    kernel = _kernel(param)
    stride = _pair(param, "stride", "stride_h", "stride_w")
    pad = _pair(param, "pad", "pad_h", "pad_w")
    if param.global_pooling:
        if any(param.HasField(name) for name in ("kernel_size", "kernel_h", "kernel_w")):
            raise Misfit("a kernel is given along with global_pooling", "pooling_param.global_pooling")
        if stride != (1, 1) or pad != (0, 0):
            raise Misfit("global_pooling takes stride 1 and pad 0 only", "pooling_param.global_pooling")
        kernel = (shape[2] or 1, shape[3] or 1)
    elif min(kernel) < 1:
        raise Misfit("kernel_size (or kernel_h and kernel_w) is missing or 0", "pooling_param")
    if min(stride) < 1:
        raise Misfit("the stride is 0", "pooling_param.stride")
    if any(pad) and any(pad[it] >= kernel[it] for it in (0, 1)):
        raise Misfit(f"pad {max(pad)} must be less than the kernel {min(kernel)}", "pooling_param.pad")
    if any(pad) and param.pool == enums()["PoolMethod"]["STOCHASTIC"]:
        raise Misfit("stochastic pooling takes no pad", "pooling_param.pad")
    ceil = param.round_mode == enums()["RoundMode"]["CEIL"]
    height, width = (
        None if size is None else Axis(size, kernel[it], stride[it], pad[it], any(pad), ceil)
        for it, size in enumerate(shape[2:])
    )
    return height, width


def _kernel(param: Any) -> tuple[int, int]:
    """Return the kernel's height and width; kernel_size takes precedence over a kernel_h or kernel_w given alone."""
    both = param.HasField("kernel_h") and param.HasField("kernel_w")
    if param.HasField("kernel_size") == both and (both or param.HasField("kernel_h") or param.HasField("kernel_w")):
        raise Misfit("give kernel_size, or both kernel_h and kernel_w", "pooling_param.kernel_size")
    return (param.kernel_h, param.kernel_w) if both else (param.kernel_size, param.kernel_size)


def _pair(param: Any, one: str, height: str, width: str) -> tuple[int, int]:
    if param.HasField(height) or param.HasField(width):
        if param.HasField(one) or not (param.HasField(height) and param.HasField(width)):
            raise Misfit(f"give {one}, or both {height} and {width}", f"pooling_param.{one}")
        return getattr(param, height), getattr(param, width)
    return getattr(param, one), getattr(param, one)


def pooling(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the tops of Pooling, which takes four axes and no other number of them."""
    shape = (None, None, None, None) if bottoms[0] is None else bottoms[0]
    sizes = [None if axis is None else axis.windows for axis in pooling_axes(message, shape)]
    if any(size is not None and size < 1 for size in sizes):
        raise Misfit(f"the kernel is too large for {shape_text(shape)}: the top would be {shape_text(tuple(sizes))}")
    return [(shape[0], shape[1], *sizes)] * count


def spp(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the top of SPP: the bins (1, 4, 16, ...) of all levels, flattened; a single level remains 1 x 1 pixel."""
    shape = bottoms[0]
    assert shape is not None
    height = message.spp_param.pyramid_height
    if len(shape) != 4 or not 1 <= height <= MOST_LEVELS:
        return [None]
    if height == 1:
        return [(*shape[:2], 1, 1)]
    bins = sum(4**level for level in range(height))
    return [(shape[0], None if shape[1] is None else shape[1] * bins)]
