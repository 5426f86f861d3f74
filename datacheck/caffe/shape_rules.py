"""Rules for the top shapes of layers with bottoms, like the Reshape functions of Caffe's layers, by layer type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from datacheck.caffe.geometry import Dim, Misfit, Shape, Shapes, axis_of, differ, product, shape_text
from datacheck.caffe.shape_windows import convolution, deconvolution, im2col, pooling, spp


def inner_product(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape = message.inner_product_param, bottoms[0]
    outputs: Dim = param.num_output
    if len(bottoms) > 1:  # in a fork, the second bottom has the weights: a row for each output
        outputs = bottoms[1][0] if bottoms[1] else None
    elif not outputs:
        raise Misfit("num_output is missing or 0", "inner_product_param.num_output")
    if shape is None:
        return [(None, outputs)] if param.axis == 1 else [None]
    axis = axis_of(shape, param.axis, "inner_product_param.axis")
    return [(*shape[:axis], outputs)]


def embed(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param = message.embed_param
    if not param.num_output or not param.input_dim:
        raise Misfit("num_output and input_dim must be given and positive", "embed_param")
    return [None if bottoms[0] is None else (*bottoms[0], param.num_output)]


def concat(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param = message.concat_param
    known = [shape for shape in bottoms if shape is not None]
    if not known:
        return [None]
    axis = axis_of(known[0], param.concat_dim if param.HasField("concat_dim") else param.axis, "concat_param.axis")
    merged = list(known[0])
    for shape in known[1:]:
        if len(shape) != len(merged):
            raise Misfit(f"the bottoms have {len(merged)} and {len(shape)} axes; they must have as many as each other")
        for index, size in enumerate(shape):
            if index != axis and differ(size, merged[index]):
                raise Misfit(
                    f"the bottoms {_shapes_text(known)} differ along another axis than {axis}, which joins them"
                )
            merged[index] = size if merged[index] is None else merged[index]
    sizes = [None if shape is None else shape[axis] for shape in bottoms]
    merged[axis] = None if None in sizes else sum(size for size in sizes if size is not None)
    return [tuple(merged)]


def slice_(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape, points = message.slice_param, bottoms[0], list(message.slice_param.slice_point)
    ends = [0, *points]
    if points and len(points) != count - 1:
        raise Misfit(f"{len(points)} slice points make {len(points) + 1} tops, not {count}", "slice_param.slice_point")
    if any(after <= before for before, after in pairwise(ends)):
        raise Misfit(f"the slice points {points} do not rise", "slice_param.slice_point")
    if shape is None:
        return [None] * count
    axis = axis_of(shape, param.slice_dim if param.HasField("slice_dim") else param.axis, "slice_param.axis")
    size = shape[axis]
    pieces: Sequence[Dim]
    if points:
        if size is not None and points[-1] >= size:
            raise Misfit(
                f"the slice point {points[-1]} is not inside the {size} of axis {axis}", "slice_param.slice_point"
            )
        last = None if size is None else size - points[-1]
        pieces = [*(after - before for before, after in pairwise(ends)), last]
    elif size is None:
        pieces = [None] * count
    elif size % count:
        raise Misfit(f"the {size} of axis {axis} cannot be cut into {count} equal tops", "slice_param")
    else:
        pieces = [size // count] * count
    return [(*shape[:axis], piece, *shape[axis + 1 :]) for piece in pieces]


def reshape(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape, requested = message.reshape_param, bottoms[0], list(message.reshape_param.shape.dim)
    if requested.count(-1) > 1 or any(size < -1 for size in requested):
        raise Misfit("only one size may be -1, and none less", "reshape_param.shape")
    if shape is None:  # without an axis to begin behind, all axes are those of the new shape
        whole = param.axis == 0 and param.num_axes == -1
        return [tuple(size if size > 0 else None for size in requested) if whole else None]
    start = axis_of(shape, param.axis, "reshape_param.axis", end=1)
    stop = len(shape) if param.num_axes == -1 else start + param.num_axes
    if not start <= stop <= len(shape):
        raise Misfit(
            f"num_axes {param.num_axes} reaches behind the axes of {shape_text(shape)}", "reshape_param.num_axes"
        )
    sizes: list[Dim] = list(requested)
    for index, size in enumerate(requested):
        if size == 0:
            if start + index >= len(shape):
                raise Misfit(
                    f"a size of 0 copies an axis that {shape_text(shape)} does not have", "reshape_param.shape"
                )
            sizes[index] = shape[start + index]
    replaced = product(shape[start:stop])
    if -1 in requested:
        others = product([size for size in sizes if size != -1])
        if replaced is not None and others is not None and (not others or replaced % others):
            raise Misfit(f"{shape_text(shape[start:stop])} cannot be cut into {requested}", "reshape_param.shape")
        sizes[requested.index(-1)] = None if replaced is None or others is None else replaced // others
    elif differ(product(sizes), replaced):
        raise Misfit(
            f"{shape_text(shape[start:stop])} has not as many values as {shape_text(tuple(sizes))}",
            "reshape_param.shape",
        )
    return [(*shape[:start], *sizes, *shape[stop:])]


def flatten(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape = message.flatten_param, _require_known(bottoms[0])
    first = axis_of(shape, param.axis, "flatten_param.axis")
    last = axis_of(shape, param.end_axis, "flatten_param.end_axis")
    return [(*shape[:first], product(shape[first : last + 1]), *shape[last + 1 :])]


def eltwise(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param = message.eltwise_param
    if param.coeff and len(param.coeff) != len(bottoms):
        raise Misfit(f"has {len(param.coeff)} coefficients for {len(bottoms)} bottoms", "eltwise_param.coeff")
    known = [shape for shape in bottoms if shape is not None]
    if not known:
        return [None]
    if any(len(shape) != len(known[0]) for shape in known) or any(
        differ(one, other) for shape in known for one, other in zip(known[0], shape, strict=True)
    ):
        raise Misfit(f"the bottoms have the shapes {_shapes_text(known)}; they must be equal")
    return [tuple(next((size for size in sizes if size is not None), None) for sizes in zip(*known, strict=True))]


def crop(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    (data, reference), param = (bottoms[0], bottoms[1] if len(bottoms) > 1 else None), message.crop_param
    if data is None or reference is None:
        return [None]
    axis = axis_of(data, param.axis, "crop_param.axis")
    if len(reference) < len(data):
        raise Misfit(f"the second of the bottoms {_shapes_text([data, reference])} has fewer axes than the first")
    if len(param.offset) > 1 and len(param.offset) != len(data) - axis:
        raise Misfit(f"has {len(param.offset)} offsets for {len(data) - axis} axes", "crop_param.offset")
    for index in range(axis, len(data)):
        offset = param.offset[index - axis if len(param.offset) > 1 else 0] if param.offset else 0
        available, needed = data[index], reference[index]
        if available is not None and needed is not None and available - offset < needed:
            raise Misfit(
                f"axis {index} of {shape_text(data)} has not {needed} left behind the offset {offset}",
                "crop_param.offset",
            )
    return [(*data[:axis], *reference[axis : len(data)])]


def reduction(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    shape = _require_known(bottoms[0])
    return [shape[: axis_of(shape, message.reduction_param.axis, "reduction_param.axis")]]


def arg_max(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape = message.argmax_param, _require_known(bottoms[0])
    if param.HasField("axis"):
        axis = axis_of(shape, param.axis, "argmax_param.axis")
        return [(*shape[:axis], param.top_k, *shape[axis + 1 :])]
    return [(shape[0], 2 if param.out_max_val else 1, param.top_k, *[1] * (len(shape) - 3))] if shape else [None]


def accuracy(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    shape, axis = bottoms[0], message.accuracy_param.axis
    if shape is None:
        return [()]
    classes = shape[axis_of(shape, axis, "accuracy_param.axis")]
    if classes is not None and message.accuracy_param.top_k > classes:
        raise Misfit(f"top_k {message.accuracy_param.top_k} of only {classes} classes", "accuracy_param.top_k")
    values, labels = product(shape), None if len(bottoms) < 2 or bottoms[1] is None else product(bottoms[1])
    if values is not None and labels and message.accuracy_param.top_k > values // labels:
        text = f"top_k {message.accuracy_param.top_k} of {values} scores for {labels} labels"
        raise Misfit(text, "accuracy_param.top_k")
    return [(), (classes,)]


def tile(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    param, shape = message.tile_param, bottoms[0]
    if param.tiles < 1:
        raise Misfit("tiles is missing or less than 1", "tile_param.tiles")
    if shape is None:
        return [None]
    axis = axis_of(shape, param.axis, "tile_param.axis")
    size = shape[axis]
    return [(*shape[:axis], None if size is None else size * param.tiles, *shape[axis + 1 :])]


def permute(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the top of the SSD fork's Permute: the axes in `order`, then those it leaves out."""
    shape, order = _require_known(bottoms[0]), list(message.permute_param.order)
    if len(set(order)) != len(order) or any(axis >= len(shape) for axis in order):
        raise Misfit(f"the order {order} is none of the axes of {shape_text(shape)}", "permute_param.order")
    return [tuple(shape[axis] for axis in [*order, *(it for it in range(len(shape)) if it not in order)])]


def batch_reindex(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    if len(bottoms) < 2 or not bottoms[0] or not bottoms[1]:
        return [None]
    return [(bottoms[1][0], *bottoms[0][1:])]


def recurrent(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the tops of LSTM or RNN: time steps x streams x outputs, then the states, which have a single step."""
    shape, outputs = bottoms[0], message.recurrent_param.num_output
    if shape is None:
        return [None] * count
    return [(*shape[:2], outputs), *[(1, shape[1], outputs)] * (count - 1)]


def lstm_unit(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    return [bottoms[0]] * count


def mvn(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the top of MVN, which always has four axes."""
    shape = _require_known(bottoms[0])
    return [(*shape, *[1] * (4 - len(shape)))]


def filter_(message: Any, bottoms: Shapes, count: int) -> list[Shape | None]:
    """Return the tops of Filter; the number of rows is unknown because it depends on the data."""
    return [None if not shape else (None, *shape[1:]) for shape in bottoms[:-1]]


def _require_known(shape: Shape | None) -> Shape:
    assert shape is not None
    return shape


def _shapes_text(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(shape_text, shapes))


Rule = Callable[[Any, Shapes, int], list[Shape | None]]
RULES: dict[str, Rule] = {
    "Accuracy": accuracy,
    "ArgMax": arg_max,
    "BatchReindex": batch_reindex,
    "Concat": concat,
    "Convolution": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "Eltwise": eltwise,
    "Embed": embed,
    "Filter": filter_,
    "Flatten": flatten,
    "Im2col": im2col,
    "InnerProduct": inner_product,
    "LSTM": recurrent,
    "LSTMUnit": lstm_unit,
    "MVN": mvn,
    "Permute": permute,
    "Pooling": pooling,
    "RNN": recurrent,
    "Reduction": reduction,
    "Reshape": reshape,
    "SPP": spp,
    "Slice": slice_,
    "Tile": tile,
}
PARTIAL = frozenset(
    (
        *("Accuracy", "BatchReindex", "Concat", "Convolution", "Crop", "Deconvolution", "Eltwise", "Embed", "Filter"),
        *("Im2col", "InnerProduct", "LSTM", "LSTMUnit", "Pooling", "RNN", "Reshape", "Slice", "Tile"),
    )
)
"""Layer types whose parameters are checked, or tops inferred in part, even if the shape of a bottom is unknown."""
SAME = frozenset(
    (
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "Clip", "Dropout", "ELU", "Exp", "Log", "LRN", "PReLU"),
        *("Power", "ReLU", "Scale", "Sigmoid", "Softmax", "Split", "Swish", "TanH", "Threshold"),
    )
)
"""Layer types whose tops have the shape of the first bottom."""
