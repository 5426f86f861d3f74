"""What a network reads: its Data, HDF5Data and ImageData layers, and the classes that their labels must be of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datacheck.caffe.layers import CLASSIFIERS, LAYER_TYPES, LOSSES
from datacheck.caffe.network import PHASES, Layer, Phase, State, layers_in
from datacheck.caffe.network import layers as all_layers
from datacheck.caffe.prototxt import Prototxt
from datacheck.caffe.schema import enums
from datacheck.caffe.shapes import Place, infer

READS = {
    "Data": "data_param",
    "AnnotatedData": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
}
"""The layers whose sources datacheck reads, and their parameters."""
OLD = {"data": "Data", "images": "ImageData", "hdf5_data": "HDF5Data", "window_data": "WindowData"}
"""The data layers of the first generation, as they are called today."""
DATABASES = ("Data", "AnnotatedData")
SAME_LABELS = frozenset({"Split", "Reshape", "Flatten"})
"""Layers that leave labels what they are."""
PRODUCERS = {
    "InnerProduct": "inner_product_param",
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
}
"""The layers whose num_output is the number of classes, if a classifier's bottom comes from them."""


@dataclass(frozen=True)
class Transform:
    """A layer's transform_param, as far as it decides what becomes of a record. `given` says that there is one."""

    given: bool = False
    scale: float = 1.0
    crop_size: int = 0
    mean_file: str = ""
    mean_values: tuple[float, ...] = ()
    force_color: bool = False
    force_gray: bool = False


@dataclass(frozen=True)
class Pictures:
    """What an ImageData layer does to a picture before the transformation."""

    root_folder: str = ""
    new_height: int = 0
    new_width: int = 0
    is_color: bool = True


@dataclass(frozen=True)
class Classifier:
    """What the labels must be: one of `classes`, or `ignored`. `name` is the layer that tells the classes apart."""

    name: str
    classes: int
    ignored: int | None = None


@dataclass(frozen=True)
class NetSource:
    """A layer that reads records, in the phases in which the network has it.

    `path` is the source as it is written. `backend` is that of a Data layer. `label` is the top that has the labels.
    `fixed` names an InnerProduct layer of the network, whose weights fit one size of input only. `pixels` are the
    classes where the records of a database are pictures of labels. `partner` is the one other layer from whose records
    the predictions come that a loss compares with those of this one.
    """

    net: str
    line: int
    name: str
    type: str
    phases: tuple[Phase, ...]
    tops: tuple[str, ...]
    path: str
    batch_size: int
    backend: str | None = None
    shuffle: bool = False
    transform: Transform = Transform()
    pictures: Pictures = Pictures()
    label: str | None = None
    classifier: Classifier | None = None
    fixed: str | None = None
    pixels: Classifier | None = None
    partner: str | None = None

    @property
    def readable(self) -> bool:
        """Whether datacheck reads what the layer reads."""
        return self.type in READS


def net_sources(prototxt: Prototxt, phases: Sequence[Phase] = PHASES, stages: Sequence[str] = ()) -> list[NetSource]:
    """Return the layers that read records in these phases, in the file's order; one in both phases comes once.

    `stages` are those that the network is built with. Where none are given and it reads nothing without, it is looked
    at with each of its stages in turn.
    """
    found = sources_in(prototxt, [State(phase, stages=tuple(stages)) for phase in phases])
    if not found and not stages:
        found = sources_in(prototxt, [State(phase, stages=(it,)) for it in stages_of(prototxt) for phase in phases])
    return found


def sources_in(prototxt: Prototxt, states: Sequence[State]) -> list[NetSource]:
    """Return the layers that read records in these states, each once, in the file's order."""
    found: dict[str, NetSource] = {}
    for state in states:
        layers = [_of_today(layer) for layer in layers_in(prototxt, state)]
        places = infer(layers)
        for layer in layers:
            if not reads(layer):
                continue
            if layer.path not in found:
                found[layer.path] = _source(prototxt, layer, state.phase, places)
            elif state.phase not in found[layer.path].phases:
                other = found[layer.path]
                found[layer.path] = replace(other, phases=(*other.phases, state.phase))
    return sorted(found.values(), key=lambda source: source.line)


def reads(layer: Layer) -> bool:
    """Return whether a layer brings in what lies outside the network: it has tops and no bottoms, and makes nothing."""
    if layer.type in READS:
        return True
    if layer.type in LAYER_TYPES and LAYER_TYPES[layer.type].bottoms[0] > 0:
        return False  # its bottoms were forgotten, which is no matter of the data
    return bool(layer.tops) and not layer.bottoms and bool(layer.type) and layer.type not in MAKES


MAKES = frozenset(("Input", "DummyData", "MemoryData", "Parameter", "PriorBox"))
"""Layers without bottoms whose values come from no file."""


def _of_today(layer: Layer) -> Layer:
    return replace(layer, type=OLD[layer.type], old=False) if layer.old and layer.type in OLD else layer


def stages_of(prototxt: Prototxt) -> list[str]:
    """Return the stages that the layers of a network ask for."""
    rules = [rule for layer in all_layers(prototxt) for rule in (*layer.message.include, *layer.message.exclude)]
    return list(dict.fromkeys(stage for rule in rules for stage in rule.stage))[:MOST_STAGES]


MOST_STAGES = 8


def _source(prototxt: Prototxt, layer: Layer, phase: Phase, places: Sequence[Place]) -> NetSource:
    tops = tuple(layer.tops)
    if layer.type not in READS:
        return _unread(prototxt, layer, phase)
    param = getattr(layer.message, READS[layer.type])
    candidates = tops if layer.type == "HDF5Data" else tops[1:2]
    known = {top: made for top in candidates if (made := _classifier(places, top)) is not None}
    label = next(iter(known), tops[1] if layer.type != "HDF5Data" and len(tops) > 1 else None)
    compared = compared_with(places, layer) if layer.type == "Data" else None
    names = {number: name for name, number in enums()["DB"].items()}
    return NetSource(
        net=prototxt.path,
        line=prototxt.line(layer.path),
        name=layer.name,
        type=layer.type,
        phases=(phase,),
        tops=tops,
        path=param.source,
        batch_size=param.batch_size,
        backend=names[param.backend].lower() if layer.type in DATABASES else None,
        shuffle=layer.type not in DATABASES and bool(getattr(param, "shuffle", False)),
        transform=_transform(layer.message),
        pictures=_pictures(param) if layer.type == "ImageData" else Pictures(),
        label=label,
        classifier=known.get(label) if label is not None else None,
        fixed=next((place.layer.name for place in places if place.layer.type == "InnerProduct"), None),
        pixels=_classifier(places, tops[0]) if compared is not None and tops else None,
        partner=compared,
    )


def _unread(prototxt: Prototxt, layer: Layer, phase: Phase) -> NetSource:
    """Return a layer that reads what datacheck does not; its source is shown, where its parameter has one."""
    named = [param.source for field, param in layer.message.ListFields() if _has_source(field.name, param)]
    return NetSource(
        net=prototxt.path,
        line=prototxt.line(layer.path),
        name=layer.name,
        type=layer.type,
        phases=(phase,),
        tops=tuple(layer.tops),
        path=named[0] if named else "",
        batch_size=0,
    )


def _has_source(name: str, param: Any) -> bool:
    return name.endswith("_param") and "source" in getattr(param.DESCRIPTOR, "fields_by_name", ())


def compared_with(places: Sequence[Place], layer: Layer) -> str | None:
    """Return the name of the one layer whose records a loss compares with the first top of this one; None if none."""
    labels = set(layer.tops[:1])
    for at, place in enumerate(places):
        if place.layer.type in SAME_LABELS and set(place.layer.bottoms) & labels:
            labels |= set(place.layer.tops)
        bottoms = place.layer.bottoms
        if place.layer.type in LOSSES and len(bottoms) > 1 and bottoms[1] in labels:
            origins = {it.name: it for it in _origins(places[:at], bottoms[0])}
            if len(origins) == 1 and layer.name not in origins:
                return next(iter(origins))
    return None


def _origins(places: Sequence[Place], blob: str) -> list[Layer]:
    """Return the layers without bottoms that a blob is made of."""
    wanted, found = {blob}, []
    for place in reversed(places):
        made = wanted.intersection(place.layer.tops)
        if not made:
            continue
        wanted -= made
        wanted.update(place.layer.bottoms)
        if not place.layer.bottoms:
            found.append(place.layer)
    return found


def _transform(message: Any) -> Transform:
    param = message.transform_param
    return Transform(
        given=message.HasField("transform_param"),
        scale=param.scale,
        crop_size=param.crop_size,
        mean_file=param.mean_file,
        mean_values=tuple(param.mean_value),
        force_color=param.force_color,
        force_gray=param.force_gray,
    )


def _pictures(param: Any) -> Pictures:
    return Pictures(param.root_folder, param.new_height, param.new_width, param.is_color)


def _classifier(places: Sequence[Place], top: str) -> Classifier | None:
    """Return what the blob `top` is compared with as a label; a loss before an Accuracy, the fewest classes first."""
    found = list(_classifiers(places, top))
    if not found:
        return None
    losses = [made for loss, made in found if loss] or [made for _, made in found]
    return min(losses, key=lambda made: made.classes)


def _classifiers(places: Sequence[Place], top: str) -> Iterator[tuple[bool, Classifier]]:
    labels = {top}
    for at, place in enumerate(places):
        layer = place.layer
        if layer.type in SAME_LABELS and set(layer.bottoms) & labels:
            labels |= set(layer.tops)
        if layer.type not in CLASSIFIERS or len(layer.bottoms) < 2 or layer.bottoms[1] not in labels:
            continue
        name, counted = _walk(places[:at], layer.bottoms[0])
        axis = _axis(layer)
        shape = place.bottoms[0]
        classes = shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None
        classes = classes or (counted if axis == 1 else None)
        if classes:
            yield layer.type in LOSSES, Classifier(name or layer.name, classes, _ignored(layer))


def _axis(layer: Layer) -> int:
    fields = {"SoftmaxWithLoss": "softmax_param", "InfogainLoss": "infogain_loss_param", "Accuracy": "accuracy_param"}
    return int(getattr(layer.message, fields[layer.type]).axis) if layer.type in fields else 1


def _ignored(layer: Layer) -> int | None:
    param = layer.message.accuracy_param if layer.type == "Accuracy" else layer.message.loss_param
    return int(param.ignore_label) if param.HasField("ignore_label") else None


def _walk(places: Sequence[Place], blob: str) -> tuple[str | None, int | None]:
    """Go back from a blob to the layer whose num_output it has; return that layer's name and num_output."""
    for place in reversed(places):
        layer = place.layer
        if blob not in layer.tops:
            continue
        if layer.type in PRODUCERS:
            return layer.name, getattr(layer.message, PRODUCERS[layer.type]).num_output
        if not layer.bottoms:
            break
        blob = layer.bottoms[0]
    return None, None
