"""Where blobs come from: which labels a loss reads, and which records its predictions are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datacheck.caffe.geometry import Shape
from datacheck.caffe.layers import CLASSIFIERS, LOSSES
from datacheck.caffe.network import Layer
from datacheck.caffe.shapes import Place

SAME_LABELS = frozenset({"Split", "Reshape", "Flatten"})
"""Layers that leave labels what they are."""
PRODUCERS = {
    "InnerProduct": "inner_product_param",
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
}
"""The layers whose num_output is the number of classes, if a classifier's bottom comes from them."""
AXES = {"SoftmaxWithLoss": "softmax_param", "InfogainLoss": "infogain_loss_param", "Accuracy": "accuracy_param"}
"""The layers that name the axis of the classes, and where they do."""


@dataclass(frozen=True)
class Classifier:
    """What the labels must be: one of `classes`, or `ignored`. `name` is the layer that tells the classes apart."""

    name: str
    classes: int
    ignored: int | None = None


@dataclass(frozen=True)
class Use:
    """A layer that takes a top as its label: its name and type, what the label must be, and how the scores lie.

    `scores` and `labels` are the shapes of its bottoms, as far as they are known, and `axis` is that of the classes.
    """

    layer: str
    type: str
    classifier: Classifier | None
    scores: Shape | None
    labels: Shape | None
    axis: int


Top = tuple[str, str]
"""The path of a layer that reads records, and one of its tops."""


@dataclass
class Flow:
    """What becomes of the tops of layers without bottoms, found in one pass over the layers.

    `uses` has the layers that take a top as their label. `partners` has the one other layer from whose records the
    predictions come that a loss compares with a top. `fixed` names the first InnerProduct. `behind` has the layers that
    take in each top.
    """

    uses: dict[Top, list[Use]] = field(default_factory=dict)
    partners: dict[Top, str] = field(default_factory=dict)
    fixed: str | None = None
    behind: dict[Top, list[Layer]] = field(default_factory=dict)

    def classifier(self, path: str, top: str) -> Classifier | None:
        """Return what a top is compared with as a label; a loss before an Accuracy, the fewest classes first."""
        uses = self.uses.get((path, top), ())
        known = [(it.type in LOSSES, it.classifier) for it in uses if it.classifier is not None]
        losses = [made for loss, made in known if loss] or [made for _, made in known]
        return min(losses, key=lambda made: made.classes, default=None)


MOST_ORIGINS = 2
"""Origins of a blob that are kept: what matters is whether there is one."""


def flow(places: Sequence[Place]) -> Flow:
    """Follow the blobs of one state of a network."""
    made = Flow()
    roots: dict[str, Top] = {}
    counted: dict[str, tuple[str, int] | None] = {}
    origins: dict[str, tuple[Layer, ...]] = {}
    for place in places:
        layer, bottoms = place.layer, place.layer.bottoms
        if layer.type == "InnerProduct" and made.fixed is None:
            made.fixed = layer.name
        for bottom in bottoms:
            if bottom in roots:
                made.behind.setdefault(roots[bottom], []).append(layer)
        if len(bottoms) > 1 and bottoms[1] in roots:
            _use(made, place, roots[bottoms[1]], counted.get(bottoms[0]), origins.get(bottoms[0], ()))
        root = next((roots[it] for it in bottoms if it in roots), None) if layer.type in SAME_LABELS else None
        counts = _counted(layer, counted)
        come_from = _origins(layer, origins)
        for top in layer.tops:
            if not bottoms:
                roots[top] = (layer.path, top)
            elif root is not None:
                roots[top] = root
            else:
                roots.pop(top, None)
            counted[top], origins[top] = counts, come_from
    return made


def _use(made: Flow, place: Place, root: Top, counted: tuple[str, int] | None, origins: tuple[Layer, ...]) -> None:
    layer = place.layer
    if layer.type in LOSSES and len(origins) == 1 and origins[0].path != root[0]:
        made.partners.setdefault(root, origins[0].name)
    if layer.type not in CLASSIFIERS:
        return
    axis, shape = _axis(layer), place.bottoms[0]
    classes = shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None
    classes = classes or (counted[1] if counted is not None and axis == 1 else None)
    name = layer.name if counted is None else counted[0] or layer.name
    known = Classifier(name, classes, _ignored(layer)) if classes else None
    made.uses.setdefault(root, []).append(Use(layer.name, layer.type, known, shape, place.bottoms[1], axis))


def _counted(layer: Layer, counted: Mapping[str, tuple[str, int] | None]) -> tuple[str, int] | None:
    """Return the layer whose num_output the tops have, and that number."""
    if layer.type in PRODUCERS:
        return layer.name, getattr(layer.message, PRODUCERS[layer.type]).num_output
    return counted.get(layer.bottoms[0]) if layer.bottoms else None


def _origins(layer: Layer, origins: Mapping[str, tuple[Layer, ...]]) -> tuple[Layer, ...]:
    """Return the layers without bottoms that the tops are made of, two at most."""
    if not layer.bottoms:
        return (layer,)
    found = {it.path: it for bottom in layer.bottoms for it in origins.get(bottom, ())}
    return tuple(found.values())[:MOST_ORIGINS]


def _axis(layer: Layer) -> int:
    return int(getattr(layer.message, AXES[layer.type]).axis) if layer.type in AXES else 1


def _ignored(layer: Layer) -> int | None:
    param = layer.message.accuracy_param if layer.type == "Accuracy" else layer.message.loss_param
    return int(param.ignore_label) if param.HasField("ignore_label") else None
