"""Trace blobs back to their data layers: the labels that a loss reads, and the records behind its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datacheck.caffe.geometry import Shape, size_along
from datacheck.caffe.layers import CLASSIFIERS, LOSSES
from datacheck.caffe.network import Layer
from datacheck.caffe.shapes import Place

SAME_LABELS = frozenset({"Split", "Reshape", "Flatten"})
"""Layer types that leave the values of labels unchanged."""
PRODUCERS = {
    "InnerProduct": "inner_product_param",
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
}
"""Layer types whose num_output is the number of classes if they feed a classifier, and their parameters."""
AXES = {"SoftmaxWithLoss": "softmax_param", "InfogainLoss": "infogain_loss_param", "Accuracy": "accuracy_param"}
"""Layer types that can set the axis of the classes, and the parameter that holds it."""


@dataclass(frozen=True)
class Classifier:
    """The valid labels: 0 to `classes` - 1, or `ignored`. `name` is the layer that computes the class scores."""

    name: str
    classes: int
    ignored: int | None = None


@dataclass(frozen=True)
class Use:
    """A layer that reads a top as its labels: its name and type, the valid labels, and the shapes of its bottoms.

    `scores` and `labels` are the shapes of its first two bottoms, as far as they are known. `axis` is the axis of the
    classes.
    """

    layer: str
    type: str
    classifier: Classifier | None
    scores: Shape | None
    labels: Shape | None
    axis: int


Top = tuple[str, str]
"""The path of a layer without bottoms, and the name of one of its tops."""


@dataclass
class Flow:
    """Where the tops of layers without bottoms are used, found in one pass over the layers.

    `uses` lists the classifiers that read each top as their labels. `partners` is set for a top that a loss compares
    with predictions: it names the one other layer from which these predictions are computed. `fixed` is the name of the
    first InnerProduct layer, or None. `behind` lists the layers that read each top, also through SAME_LABELS layers.
    """

    uses: dict[Top, list[Use]] = field(default_factory=dict)
    partners: dict[Top, str] = field(default_factory=dict)
    fixed: str | None = None
    behind: dict[Top, list[Layer]] = field(default_factory=dict)

    def classifier(self, path: str, top: str) -> Classifier | None:
        """Return the classifier that reads a top as labels, or None if there is none.

        If there are several, losses go before Accuracy, and among these the one with the fewest classes is returned.
        """
        uses = self.uses.get((path, top), ())
        known = [(it.type in LOSSES, it.classifier) for it in uses if it.classifier is not None]
        losses = [classifier for loss, classifier in known if loss] or [classifier for _, classifier in known]
        return min(losses, key=lambda classifier: classifier.classes, default=None)


MOST_ORIGINS = 2
"""Maximum number of origins kept per blob; it only matters whether there is exactly one."""


def flow(places: Sequence[Place]) -> Flow:
    """Return the flow of blobs through a network in one state."""
    result = Flow()
    roots: dict[str, Top] = {}
    channel_counts: dict[str, tuple[str, int] | None] = {}
    origins: dict[str, tuple[Layer, ...]] = {}
    for place in places:
        layer, bottoms = place.layer, place.layer.bottoms
        if layer.type == "InnerProduct" and result.fixed is None:
            result.fixed = layer.name
        for bottom in bottoms:
            if bottom in roots:
                result.behind.setdefault(roots[bottom], []).append(layer)
        if len(bottoms) > 1 and bottoms[1] in roots:
            _add_use(result, place, roots[bottoms[1]], channel_counts.get(bottoms[0]), origins.get(bottoms[0], ()))
        root = next((roots[it] for it in bottoms if it in roots), None) if layer.type in SAME_LABELS else None
        channel_count = _channel_count(layer, channel_counts)
        layer_origins = _origins(layer, origins)
        for top in layer.tops:
            if not bottoms:
                roots[top] = (layer.path, top)
            elif root is not None:
                roots[top] = root
            else:
                roots.pop(top, None)
            channel_counts[top], origins[top] = channel_count, layer_origins
    return result


def _add_use(
    result: Flow, place: Place, root: Top, channel_count: tuple[str, int] | None, origins: tuple[Layer, ...]
) -> None:
    layer = place.layer
    if layer.type in LOSSES and len(origins) == 1 and origins[0].path != root[0]:
        result.partners.setdefault(root, origins[0].name)
    if layer.type not in CLASSIFIERS:
        return
    axis, shape = _class_axis(layer), place.bottoms[0]
    classes = size_along(shape, axis)
    classes = classes or (channel_count[1] if channel_count is not None and axis == 1 else None)
    name = layer.name if channel_count is None else channel_count[0] or layer.name
    known = Classifier(name, classes, _ignored_label(layer)) if classes else None
    result.uses.setdefault(root, []).append(Use(layer.name, layer.type, known, shape, place.bottoms[1], axis))


def _channel_count(layer: Layer, channel_counts: Mapping[str, tuple[str, int] | None]) -> tuple[str, int] | None:
    """Return the name of the layer whose num_output is the tops' number of channels, and that number, or None."""
    if layer.type in PRODUCERS:
        return layer.name, getattr(layer.message, PRODUCERS[layer.type]).num_output
    return channel_counts.get(layer.bottoms[0]) if layer.bottoms else None


def _origins(layer: Layer, origins: Mapping[str, tuple[Layer, ...]]) -> tuple[Layer, ...]:
    """Return at most MOST_ORIGINS of the layers without bottoms from which the tops are computed."""
    if not layer.bottoms:
        return (layer,)
    by_path = {it.path: it for bottom in layer.bottoms for it in origins.get(bottom, ())}
    return tuple(by_path.values())[:MOST_ORIGINS]


def _class_axis(layer: Layer) -> int:
    return int(getattr(layer.message, AXES[layer.type]).axis) if layer.type in AXES else 1


def _ignored_label(layer: Layer) -> int | None:
    param = layer.message.accuracy_param if layer.type == "Accuracy" else layer.message.loss_param
    return int(param.ignore_label) if param.HasField("ignore_label") else None
