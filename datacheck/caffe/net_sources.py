"""Find the layers of a network that read records (Data, HDF5Data, ImageData, ...), and the classes of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.net_flow import Classifier, Flow, flow
from datacheck.caffe.network import PHASES, Layer, Phase, State, layers_in
from datacheck.caffe.network import layers as all_layers
from datacheck.caffe.prototxt import Prototxt
from datacheck.caffe.schema import enums
from datacheck.caffe.shapes import infer_shapes
from datacheck.model.replacing import replace

READS = {
    "Data": "data_param",
    "AnnotatedData": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
}
"""Layer types whose sources datacheck can read, and their parameters."""
OLD = {"data": "Data", "images": "ImageData", "hdf5_data": "HDF5Data", "window_data": "WindowData"}
"""First-generation names of the data layer types, with today's names."""
DATABASES = ("Data", "AnnotatedData")


@dataclass(frozen=True)
class Transform:
    """The fields of a layer's transform_param that affect records. `given` is True if the layer has one."""

    given: bool = False
    scale: float = 1.0
    crop_size: int = 0
    mean_file: str | None = None
    mean_values: tuple[float, ...] = ()
    force_color: bool = False
    force_gray: bool = False


@dataclass(frozen=True)
class Pictures:
    """How an ImageData layer finds and loads pictures, before the transformation."""

    root_folder: str = ""
    new_height: int = 0
    new_width: int = 0
    is_color: bool = True


@dataclass(frozen=True)
class NetSource:
    """A layer that reads records, and the phases in which the network has it.

    * `path`: the source as the prototxt spells it.
    * `backend`: the database backend of a Data layer, or None for other types.
    * `label`: the top that holds the labels.
    * `fixed`: the name of an InnerProduct layer of the network, whose weights fit only one input size.
    * `pixels`: the classifier, if the records of a database are label maps.
    * `partner`: the one other layer from whose records the network computes the predictions that a loss compares with
      the records of this layer.
    * `layers`: the layers of the network in the first phase that has this layer; `path_in_net` is its path there.
    * `solver`: the path of the solver that names the network, if any; `rate` is its base_lr, if it trains from scratch
      with unbounded, plain gradient steps.
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
    path_in_net: str = ""
    layers: Sequence[Layer] = field(default=(), repr=False, compare=False)
    rate: float | None = None
    solver: str | None = None

    @property
    def readable(self) -> bool:
        """Whether datacheck can read the layer's source."""
        return self.type in READS


def net_sources(prototxt: Prototxt, phases: Sequence[Phase] = PHASES, stages: Sequence[str] = ()) -> list[NetSource]:
    """Return the layers that read records in these phases, in the file's order, each layer once.

    `stages` are the stages that the network is built with. If none are given and the network reads nothing without
    stages, each of its own stages is tried.
    """
    sources = sources_in(prototxt, [State(phase, stages=tuple(stages)) for phase in phases])
    if not sources and not stages:
        sources = sources_in(prototxt, [State(phase, stages=(it,)) for it in stages_of(prototxt) for phase in phases])
    return sources


def sources_in(prototxt: Prototxt, states: Sequence[State]) -> list[NetSource]:
    """Return the layers that read records in these states, each once, in the file's order."""
    sources: dict[str, NetSource] = {}
    for state in states:
        layers = [_with_modern_type(layer) for layer in layers_in(prototxt, state)]
        blob_flow = flow(infer_shapes(layers))
        for layer in layers:
            if not reads(layer):
                continue
            if layer.path not in sources:
                source = _source(prototxt, layer, state.phase, blob_flow)
                sources[layer.path] = replace(source, path_in_net=layer.path, layers=layers)
            elif state.phase not in sources[layer.path].phases:
                other = sources[layer.path]
                sources[layer.path] = replace(other, phases=(*other.phases, state.phase))
    return sorted(sources.values(), key=lambda source: source.line)


def reads(layer: Layer) -> bool:
    """Return whether a layer reads data from outside the network: it has tops, no bottoms, and is not in MAKES."""
    if layer.type in READS:
        return True
    if layer.type in LAYER_TYPES and LAYER_TYPES[layer.type].bottoms[0] > 0:
        return False  # its bottoms are missing; that is not a fault of the data
    return bool(layer.tops) and not layer.bottoms and bool(layer.type) and layer.type not in MAKES


MAKES = frozenset(("Input", "DummyData", "MemoryData", "Parameter", "PriorBox"))
"""Layer types without bottoms whose values do not come from a file."""


def _with_modern_type(layer: Layer) -> Layer:
    return replace(layer, type=OLD[layer.type], old=False) if layer.old and layer.type in OLD else layer


MOST_STAGES = 8
"""Maximum number of stages with which a network is tried that lacks data or a blob without them."""


def stages_of(prototxt: Prototxt) -> list[str]:
    """Return the stages in the include and exclude rules of a network's layers, at most MOST_STAGES."""
    rules = [rule for layer in all_layers(prototxt) for rule in (*layer.message.include, *layer.message.exclude)]
    return list(dict.fromkeys(stage for rule in rules for stage in rule.stage))[:MOST_STAGES]


def _source(prototxt: Prototxt, layer: Layer, phase: Phase, blob_flow: Flow) -> NetSource:
    tops = tuple(layer.tops)
    if layer.type not in READS:
        return _unreadable_source(prototxt, layer, phase)
    param = getattr(layer.message, READS[layer.type])
    candidates = tops if layer.type == "HDF5Data" else tops[1:2]
    known = {top: it for top in candidates if (it := blob_flow.classifier(layer.path, top)) is not None}
    label = next(iter(known), tops[1] if layer.type != "HDF5Data" and len(tops) > 1 else None)
    partner = blob_flow.partners.get((layer.path, tops[0])) if layer.type == "Data" and tops else None
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
        fixed=blob_flow.fixed,
        pixels=blob_flow.classifier(layer.path, tops[0]) if partner is not None else None,
        partner=partner,
    )


def _unreadable_source(prototxt: Prototxt, layer: Layer, phase: Phase) -> NetSource:
    """Return the NetSource of a layer that datacheck cannot read, with its source, if its parameter has one."""
    paths = [param.source for field, param in layer.message.ListFields() if _has_source(field.name, param)]
    return NetSource(
        net=prototxt.path,
        line=prototxt.line(layer.path),
        name=layer.name,
        type=layer.type,
        phases=(phase,),
        tops=tuple(layer.tops),
        path=paths[0] if paths else "",
        batch_size=0,
    )


def _has_source(name: str, param: Any) -> bool:
    return name.endswith("_param") and "source" in getattr(param.DESCRIPTOR, "fields_by_name", ())


def _transform(message: Any) -> Transform:
    param = message.transform_param
    return Transform(
        given=message.HasField("transform_param"),
        scale=param.scale,
        crop_size=param.crop_size,
        mean_file=param.mean_file if param.HasField("mean_file") else None,
        mean_values=tuple(param.mean_value),
        force_color=param.force_color,
        force_gray=param.force_gray,
    )


def _pictures(param: Any) -> Pictures:
    return Pictures(param.root_folder, param.new_height, param.new_width, param.is_color)
