"""The layers of a network as Caffe sees them after it has read the file: upgraded, and filtered by phase.

Like Caffe (upgrade_proto.cpp), this module upgrades old files: second-generation `layers`, `input` fields, a
transformation inside `data_param`, the three `param` of an old BatchNorm. Line numbers remain those of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datacheck.caffe.messages import message_class
from datacheck.caffe.prototxt import Prototxt
from datacheck.caffe.schema import enums
from datacheck.model.replacing import replace

Phase = Literal["TRAIN", "TEST"]
PHASES: tuple[Phase, ...] = ("TRAIN", "TEST")

V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "NONE": "",
    "RELU": "ReLU",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH",
    "WINDOW_DATA": "WindowData",
}
"""New names of the types of old `layers`, unless the new name is just the old one capitalized."""

TRANSFORMED = {"Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param"}
"""Layer types whose own parameter used to hold the transformation, and that parameter."""
MOVED = ("scale", "mean_file", "crop_size", "mirror")


@dataclass(frozen=True)
class Layer:
    """A layer: its LayerParameter after the upgrades, and the path of its field.

    `path` is the path of the field in the file, so that its line can be looked up; the parameters inside it have the
    same names in old files. `old` marks a first-generation layer, which is not upgraded: only its name and type are
    known, and the source, transformation and tops of a data layer.
    """

    name: str
    type: str
    message: Any
    path: str
    old: bool = False

    @property
    def bottoms(self) -> list[str]:
        return list(self.message.bottom)

    @property
    def tops(self) -> list[str]:
        return list(self.message.top)


@dataclass(frozen=True)
class State:
    """The state that a network is built for: phase, level and stages (NetState)."""

    phase: Phase
    level: int = 0
    stages: Sequence[str] = ()


def layers(prototxt: Prototxt) -> list[Layer]:
    """Return all layers of a network, upgraded, in the file's order, inputs first."""
    net = prototxt.message
    result = list(_inputs(net))
    for number, message in enumerate(net.layers):
        result.append(_upgraded(message, f"layers[{number}]"))
    if not net.layers:  # Caffe refuses a file that has both
        for number, message in enumerate(net.layer):
            result.append(Layer(message.name, message.type, message, f"layer[{number}]"))
    return [_with_modern_params(layer) for layer in result]


def _inputs(net: Any) -> Iterator[Layer]:
    """Yield an Input layer for each `input` of the net, with the shape from `input_shape` or four `input_dim`.

    If the net gives no shape at all, Caffe drops the inputs (UpgradeNetInput).
    """
    if not net.input_shape and not net.input_dim:
        return
    for number, name in enumerate(net.input):
        message = message_class("LayerParameter")(name=name, type="Input", top=[name])
        if len(net.input_shape) > number:
            message.input_param.shape.add().CopyFrom(net.input_shape[number])
        elif len(net.input_dim) >= 4 * number + 4:
            message.input_param.shape.add().dim.extend(net.input_dim[4 * number : 4 * number + 4])
        yield Layer(name, "Input", message, f"input[{number}]")


def _upgraded(old: Any, path: str) -> Layer:
    """Return a second-generation layer (`layers`, V1LayerParameter) as a layer of today."""
    message = message_class("LayerParameter")()
    if old.HasField("layer"):
        return _first_generation(old, path)
    names = {number: name for name, number in enums()["LayerType"].items()}
    kind = V1_TYPES.get(names[old.type], names[old.type].capitalize())
    message.name, message.type = old.name, kind
    for field, value in old.ListFields():
        if field.name in ("bottom", "top", "include", "exclude", "loss_weight", "blobs"):
            getattr(message, field.name).extend(value)
        elif field.name.endswith("_param"):
            getattr(message, field.name).CopyFrom(value)
    for number, factor in enumerate(old.blobs_lr):
        _param_at(message, number).lr_mult = factor
    for number, factor in enumerate(old.weight_decay):
        _param_at(message, number).decay_mult = factor
    for number, name in enumerate(old.param):
        _param_at(message, number).name = name
    return Layer(old.name, kind, message, path)


def _first_generation(old: Any, path: str) -> Layer:
    """Return a first-generation layer: its name and type, and the tops, source and transformation of a data layer."""
    message, first = message_class("LayerParameter")(), old.layer
    if first.type in ("data", "images", "hdf5_data"):
        message.top.extend(old.top)
        param = {"data": message.data_param, "images": message.image_data_param}.get(
            first.type, message.hdf5_data_param
        )
        param.source, param.batch_size = first.source, first.batchsize
        if first.type != "hdf5_data":
            transform = message.transform_param
            transform.scale, transform.mirror, transform.crop_size = first.scale, first.mirror, first.cropsize
            if first.meanfile:
                transform.mean_file = first.meanfile
        if first.type == "images":
            param.new_height, param.new_width = first.new_height, first.new_width
            param.shuffle = first.shuffle_images
    return Layer(first.name, first.type, message, path, old=True)


def _param_at(message: Any, number: int) -> Any:
    while len(message.param) <= number:
        message.param.add()
    return message.param[number]


def _with_modern_params(layer: Layer) -> Layer:
    """Return a layer with its transformation in transform_param, and without the three `param` of an old BatchNorm.

    The message of the file is not modified; the returned layer has a changed copy.
    """
    fields = _old_transform_fields(layer)
    drop_params = layer.type == "BatchNorm" and len(layer.message.param) == 3
    if not fields and not drop_params:
        return layer
    message = message_class("LayerParameter")()
    message.CopyFrom(layer.message)
    for name in fields:
        param = getattr(message, TRANSFORMED[layer.type])
        setattr(message.transform_param, name, getattr(param, name))
        param.ClearField(name)
    if drop_params:
        del message.param[:]
    return replace(layer, message=message)


def _old_transform_fields(layer: Layer) -> list[str]:
    """Return the names of the transformation's fields that are set at their old place."""
    if layer.type not in TRANSFORMED:
        return []
    param = getattr(layer.message, TRANSFORMED[layer.type])
    return [name for name in MOVED if param.HasField(name)]


def is_included(layer: Layer, state: State) -> bool:
    """Return whether a network built for `state` has the layer (Net::FilterNet)."""
    message = layer.message
    if message.include:
        return any(_matches_rule(rule, state) for rule in message.include)
    return not any(_matches_rule(rule, state) for rule in message.exclude)


def _matches_rule(rule: Any, state: State) -> bool:
    if rule.HasField("phase") and rule.phase != enums()["Phase"][state.phase]:
        return False
    if rule.HasField("min_level") and state.level < rule.min_level:
        return False
    if rule.HasField("max_level") and state.level > rule.max_level:
        return False
    return set(rule.stage) <= set(state.stages) and not set(rule.not_stage) & set(state.stages)


def layers_in(prototxt: Prototxt, state: State) -> list[Layer]:
    """Return the layers of the network built for `state`; their `path` is still valid for looking up lines."""
    return [layer for layer in layers(prototxt) if is_included(layer, state)]
