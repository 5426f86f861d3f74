"""Checks that Caffe's layers make of their bottoms and parameters during setup, except those that `shape_rules` has.

The facts come from the CHECKs of LayerSetUp and Reshape (src/caffe/layers), of blob.hpp and layer.hpp. A row of CHECKS
is a layer type with its checks in order. A check takes the layer and the shapes of its bottoms, and raises Misfit if it
fails; it ignores unknown shapes and sizes.
"""

from __future__ import annotations

from collections.abc import Callable

from datacheck.caffe.geometry import Dim, Misfit, Shape, Shapes, axis_of, differ, product, shape_text
from datacheck.caffe.network import Layer
from datacheck.caffe.pyramid import bins_fit
from datacheck.caffe.schema import enums

Check = Callable[[Layer, Shapes], None]
LEGACY = 4
"""Maximum number of axes for the legacy accessors (num, channels, height, width); they abort on a blob with more."""


def _bottom(bottoms: Shapes, number: int) -> Shape | None:
    return bottoms[number] if number < len(bottoms) else None


def axes(least: int, most: int | None, bottom: int = 0, wider: tuple[str, ...] = ()) -> Check:
    """Return a check that a bottom has from `least` to `most` axes (None: no limit); the forks `wider` accept more."""

    def check(layer: Layer, bottoms: Shapes) -> None:
        shape = _bottom(bottoms, bottom)
        if shape is None or (least <= len(shape) and (most is None or len(shape) <= most)):
            return
        expected = f"at least {least}" if most is None else f"{least}" if least == most else f"at most {most}"
        forks = wider if len(shape) >= least else ()
        message = f"{layer.type} takes {expected} axes, not the {len(shape)} of {shape_text(shape)}"
        raise Misfit(message, _path(layer, bottom), forks)

    return check


def axis(param: str) -> Check:
    """Return a check that the `axis` of a parameter is an axis of the first bottom."""

    def check(layer: Layer, bottoms: Shapes) -> None:
        shape = _bottom(bottoms, 0)
        if shape is not None:
            axis_of(shape, getattr(layer.message, param).axis, f"{param}.axis")

    return check


def same_rows(layer: Layer, bottoms: Shapes) -> None:
    """Check that the two blobs that a loss compares have the same number of rows (LossLayer::Reshape)."""
    one, other = _bottom(bottoms, 0), _bottom(bottoms, 1)
    for number, shape in enumerate((one, other)):
        if shape == ():
            raise Misfit("a loss compares rows, and a single value has none", _path(layer, number))
    if one and other and differ(one[0], other[0]):
        raise Misfit(
            f"the bottoms {shape_text(one)} and {shape_text(other)} have not as many rows as each other", "bottom"
        )


def same_counts(layer: Layer, bottoms: Shapes) -> None:
    """Check that the first two bottoms have the same number of values."""
    one, other = _bottom(bottoms, 0), _bottom(bottoms, 1)
    if one is not None and other is not None and differ(product(one), product(other)):
        raise Misfit(f"{shape_text(one)} and {shape_text(other)} have not as many values as each other", "bottom")


def size_one(bottom: int, *axis_numbers: int) -> Check:
    """Return a check that a bottom has the size 1 along these axes, as the legacy accessors number them (0 to 3)."""

    def check(layer: Layer, bottoms: Shapes) -> None:
        shape = _bottom(bottoms, bottom)
        if shape is None:
            return
        for axis_number in axis_numbers:
            if differ(_legacy_size(shape, axis_number), 1):
                name = ("rows", "channels", "height", "width")[axis_number]
                raise Misfit(f"the {name} of {shape_text(shape)} must be 1", _path(layer, bottom))

    return check


def _legacy_size(shape: Shape, axis_number: int) -> Dim:
    return shape[axis_number] if axis_number < len(shape) else 1


def _path(layer: Layer, number: int) -> str:
    return f"bottom[{number}]" if layer.bottoms else ""


def not_in_place(layer: Layer, bottoms: Shapes) -> None:
    """Check that the layer does not work in place."""
    if layer.tops and layer.bottoms[:1] == layer.tops[:1]:
        raise Misfit(f"{layer.type} does not work in place, and {layer.tops[0]!r} is its bottom and its top", "top[0]")


def not_both(param: str, one: str, other: str) -> Check:
    """Return a check that two fields of a parameter are not both given."""

    def check(layer: Layer, bottoms: Shapes) -> None:
        message = getattr(layer.message, param)
        if message.HasField(one) and message.HasField(other):
            raise Misfit(f"{one} and {other} are both given", f"{param}.{other}")

    return check


def _arg_max(layer: Layer, bottoms: Shapes) -> None:
    param, shape = layer.message.argmax_param, _bottom(bottoms, 0)
    if param.top_k < 1:
        raise Misfit("top_k is 0", "argmax_param.top_k")
    if shape is None:
        return
    if not param.HasField("axis") and not shape:
        raise Misfit("ArgMax takes at least one axis", _path(layer, 0))
    size = shape[axis_of(shape, param.axis, "argmax_param.axis")] if param.HasField("axis") else product(shape[1:])
    if size is not None and param.top_k > size:
        raise Misfit(f"top_k {param.top_k} of only {size} values in {shape_text(shape)}", "argmax_param.top_k")


def _operand_fits(param: str) -> Check:
    """Return a check that the factor or shift of Scale or Bias fits into the first bottom.

    The factor or shift is learned, or is the second bottom.
    """

    def check(layer: Layer, bottoms: Shapes) -> None:
        message, shape = getattr(layer.message, param), _bottom(bottoms, 0)
        if shape is None:
            return
        if len(bottoms) == 1:
            start = axis_of(shape, message.axis, f"{param}.axis")
            if message.num_axes < -1:
                raise Misfit(f"num_axes is {message.num_axes}", f"{param}.num_axes")
            if message.num_axes >= 0 and start + message.num_axes > len(shape):
                raise Misfit(f"num_axes {message.num_axes} reaches behind the axes of {shape_text(shape)}",
                             f"{param}.num_axes")  # fmt: skip
            return
        other = bottoms[1]
        if not other:
            return
        start = axis_of(shape, message.axis, f"{param}.axis")
        if start + len(other) > len(shape):
            raise Misfit(
                f"{shape_text(other)} from axis {start} on reaches behind the axes of {shape_text(shape)}", "bottom[1]"
            )
        if any(differ(size, shape[start + index]) for index, size in enumerate(other)):
            raise Misfit(
                f"{shape_text(other)} does not lie within {shape_text(shape)} from axis {start} on", "bottom[1]"
            )

    return check


def _same_features(layer: Layer, bottoms: Shapes) -> None:
    one, other = _bottom(bottoms, 0), _bottom(bottoms, 1)
    if one is not None and other is not None and differ(_legacy_size(one, 1), _legacy_size(other, 1)):
        raise Misfit(
            f"the features {shape_text(one)} and {shape_text(other)} are not as long as each other", "bottom[1]"
        )


def _no_coefficients_in_products(layer: Layer, bottoms: Shapes) -> None:
    param = layer.message.eltwise_param
    if param.coeff and param.operation == enums()["EltwiseOp"]["PROD"]:
        raise Misfit("a product takes no coefficients", "eltwise_param.coeff")


def _one_selector_per_row(layer: Layer, bottoms: Shapes) -> None:
    """Check that the last bottom of Filter has one value for each row of the other bottoms."""
    if len(layer.tops) != len(layer.bottoms) - 1:
        raise Misfit(f"Filter has a top for each bottom but the last, not {len(layer.tops)} tops", "top")
    selector = bottoms[-1]
    if selector is None:
        return
    last = len(bottoms) - 1
    if any(differ(size, 1) for size in selector[1:]) or not selector:
        raise Misfit(f"the selector {shape_text(selector)} must have a single value for each row", _path(layer, last))
    for number, shape in enumerate(bottoms[:-1]):
        if shape is not None and (not shape or differ(shape[0], selector[0])):
            raise Misfit(
                f"{shape_text(shape)} and the selector {shape_text(selector)} have not as many rows as each other",
                _path(layer, number),
            )


def _flatten_axes(layer: Layer, bottoms: Shapes) -> None:
    param, shape = layer.message.flatten_param, _bottom(bottoms, 0)
    if shape is None:
        return
    first = axis_of(shape, param.axis, "flatten_param.axis")
    if axis_of(shape, param.end_axis, "flatten_param.end_axis") + 1 < first:
        raise Misfit(f"end_axis {param.end_axis} lies before axis {param.axis} of {shape_text(shape)}",
                     "flatten_param.end_axis")  # fmt: skip


HIDDEN = {"LSTM": 2, "RNN": 1}
"""Number of states that each recurrent layer type passes from one step to the next."""


def _recurrent(layer: Layer, bottoms: Shapes) -> None:
    """Check the bottoms and tops of LSTM and RNN.

    The first bottom is steps x streams x features; the second has a sequence mark for each step and stream.
    """
    param = layer.message.recurrent_param
    if not param.num_output:
        raise Misfit("num_output is missing or 0", "recurrent_param.num_output")
    hidden = HIDDEN[layer.type] * param.expose_hidden
    if not 2 + hidden <= len(layer.bottoms) <= 3 + hidden or len(layer.tops) != 1 + hidden:
        message = (
            f"{layer.type} {'with' if hidden else 'without'} expose_hidden takes {2 + hidden} or {3 + hidden} bottoms"
        )
        raise Misfit(f"{message} and {1 + hidden} tops, not {len(layer.bottoms)} and {len(layer.tops)}", "bottom")
    features, marks = _bottom(bottoms, 0), _bottom(bottoms, 1)
    axes(3, None)(layer, bottoms)
    axes(2, 2, 1)(layer, bottoms)
    if features and marks and any(differ(features[it], marks[it]) for it in (0, 1)):
        raise Misfit(
            f"the marks {shape_text(marks)} are not the steps and streams of {shape_text(features)}", "bottom[1]"
        )
    fixed = _bottom(bottoms, 2) if len(layer.bottoms) > 2 + hidden else None
    if fixed is not None and features and (len(fixed) < 2 or differ(fixed[0], features[1])):
        raise Misfit(
            f"the fixed input {shape_text(fixed)} has not a row for each stream of {shape_text(features)}", "bottom[2]"
        )
    for number in range(len(layer.bottoms) - hidden, len(layer.bottoms)):
        state = _bottom(bottoms, number)
        expected = (1, None if not features else features[1], param.num_output)
        if state is not None and (len(state) != 3 or any(map(differ, state, expected))):
            raise Misfit(f"the state {shape_text(state)} must be {shape_text(expected)}", _path(layer, number))


def _lstm_unit(layer: Layer, bottoms: Shapes) -> None:
    for number in range(len(bottoms)):
        axes(*((2, 2) if number == 2 else (3, 3)), number)(layer, bottoms)
        size_one(number, 0)(layer, bottoms)
    first = bottoms[0]
    for number, shape in enumerate(bottoms):
        if first is not None and shape is not None and differ(first[1], shape[1]):
            raise Misfit(f"{shape_text(shape)} has not as many streams as {shape_text(first)}", _path(layer, number))
    gates = _bottom(bottoms, 1)
    if first is not None and gates is not None and first[2] is not None and differ(4 * first[2], gates[2]):
        raise Misfit(f"the gates {shape_text(gates)} must be four times as wide as {shape_text(first)}", "bottom[1]")


def _same_bottoms(layer: Layer, bottoms: Shapes) -> None:
    """Check that all bottoms of a convolution have the same shape."""
    first = _bottom(bottoms, 0)
    for number, shape in enumerate(bottoms):
        if first is None or shape is None:
            continue
        if len(shape) != len(first) or any(map(differ, shape, first)):
            raise Misfit(
                f"{shape_text(shape)} is not the shape of the first bottom, {shape_text(first)}", _path(layer, number)
            )


def _filler_count(layer: Layer, bottoms: Shapes) -> None:
    param, tops = layer.message.dummy_data_param, len(layer.tops)
    if len(param.data_filler) not in (0, 1, tops):
        raise Misfit(f"has {len(param.data_filler)} fillers for {tops} tops", "dummy_data_param.data_filler")
    if param.shape and any(getattr(param, name) for name in ("num", "channels", "height", "width")):
        raise Misfit("gives shape and num, channels, height, width; Caffe takes one or the other",
                     "dummy_data_param.shape")  # fmt: skip


def _both_sizes(layer: Layer, bottoms: Shapes) -> None:
    param = layer.message.image_data_param
    if bool(param.new_height) != bool(param.new_width):
        raise Misfit("new_height and new_width must be given together", "image_data_param")


def _pyramid(layer: Layer, bottoms: Shapes) -> None:
    shape = _bottom(bottoms, 0)
    if shape is not None:
        reason = bins_fit(layer.message.spp_param, shape)
        if reason:
            raise Misfit(reason, "spp_param.pyramid_height")


def _cudnn_limits(layer: Layer, bottoms: Shapes) -> None:
    """Check that a layer with the engine cuDNN has no dilation and two spatial axes.

    A build without cuDNN aborts as well.
    """
    param, shape = layer.message.convolution_param, _bottom(bottoms, 0)
    if param.engine != enums()["Engine"]["CUDNN"]:
        return
    if any(size > 1 for size in param.dilation):
        raise Misfit("cuDNN does no dilated convolution here", "convolution_param.engine", ("NVIDIA",))
    if shape is not None and len(shape) - axis_of(shape, param.axis, "convolution_param.axis") != 3:
        message = f"cuDNN goes over 2 axes behind the channels, and {shape_text(shape)} has others"
        raise Misfit(message, "convolution_param.engine")


def _infogain_matrix(layer: Layer, bottoms: Shapes) -> None:
    """Check that an infogain matrix given as a bottom has as many values as one with a row and column per class."""
    scores, matrix = _bottom(bottoms, 0), _bottom(bottoms, 2)
    axis = layer.message.infogain_loss_param.axis
    if scores is None or matrix is None or scores[axis] is None:
        return
    classes = scores[axis] or 0
    if differ(product(matrix), classes * classes):
        raise Misfit(f"the infogain matrix {shape_text(matrix)} must be {classes}x{classes}", "bottom[2]")


def _no_zero_sizes(layer: Layer, bottoms: Shapes) -> None:
    """Check that no size of DummyData is 0, so that there is something to fill."""
    param = layer.message.dummy_data_param
    sizes = [size for shape in param.shape for size in shape.dim]
    if 0 in (*sizes, *param.num, *param.channels, *param.height, *param.width):
        raise Misfit("a size is 0, and there is nothing to fill", "dummy_data_param")


def _window_crop(layer: Layer, bottoms: Shapes) -> None:
    if not layer.message.transform_param.crop_size:
        raise Misfit("crop_size is missing or 0, and windows are cut to it", "transform_param.crop_size")


OLD = axes(0, LEGACY)
CHECKS: dict[str, tuple[Check, ...]] = {
    "AbsVal": (not_in_place,),
    "Accuracy": (axis("accuracy_param"),),
    "ArgMax": (_arg_max,),
    "BatchNorm": (axes(2, None),),
    "BatchReindex": (axes(1, 1, 1),),
    "Bias": (_operand_fits("bias_param"),),
    "Concat": (not_both("concat_param", "axis", "concat_dim"),),
    "ContrastiveLoss": (same_rows, *(axes(0, LEGACY, it) for it in range(3)), _same_features, size_one(0, 2, 3),
                        size_one(1, 2, 3), size_one(2, 1, 2, 3)),
    "Convolution": (_same_bottoms, _cudnn_limits),
    "Deconvolution": (_same_bottoms, _cudnn_limits),
    "DummyData": (_filler_count, _no_zero_sizes),
    "Eltwise": (_no_coefficients_in_products,),
    "EuclideanLoss": (same_rows,),
    "Filter": (_one_selector_per_row,),
    "Flatten": (not_in_place, _flatten_axes),
    "HDF5Output": (OLD, axes(0, LEGACY, 1), same_rows),
    "HingeLoss": (same_rows, OLD),
    "ImageData": (_both_sizes,),
    "InfogainLoss": (same_rows, axis("infogain_loss_param"), _infogain_matrix),
    "LRN": (axes(4, 4),),
    "LSTM": (_recurrent,),
    "LSTMUnit": (_lstm_unit,),
    "MVN": (OLD,),
    "MultinomialLogisticLoss": (same_rows, OLD, axes(0, LEGACY, 1), size_one(1, 1, 2, 3)),
    "PReLU": (axes(2, LEGACY, wider=("Intel",)),),
    "RNN": (_recurrent,),
    "Reshape": (not_in_place,),
    "SPP": (axes(4, 4), _pyramid),
    "Scale": (_operand_fits("scale_param"),),
    "SigmoidCrossEntropyLoss": (same_rows, same_counts),
    "Slice": (not_both("slice_param", "axis", "slice_dim"),),
    "Softmax": (axis("softmax_param"),),
    "SoftmaxWithLoss": (same_rows, axis("softmax_param")),
    "Split": (not_in_place,),
    "WindowData": (_window_crop,),
}  # fmt: skip
"""The checks of each layer type, in Caffe's order."""


def set_up(layer: Layer, bottoms: Shapes) -> None:
    """Run the checks of a layer's type. Raises Misfit if one fails."""
    for check in CHECKS.get(layer.type, ()):
        check(layer, bottoms)
