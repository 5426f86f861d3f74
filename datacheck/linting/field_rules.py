"""Fields that Caffe does not have, and what was most likely meant."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.caffe.prototxt import Prototxt, UnknownField
from datacheck.caffe.schema import messages
from datacheck.linting.rule_input import Hints, Problem

MEANT = {
    ("ConvolutionParameter", "kernel"): "kernel_size",
    ("PoolingParameter", "kernel"): "kernel_size",
    ("ConvolutionParameter", "padding"): "pad",
    ("PoolingParameter", "padding"): "pad",
    ("ConvolutionParameter", "strides"): "stride",
    ("ConvolutionParameter", "groups"): "group",
    ("ConvolutionParameter", "channels"): "num_output",
    ("ConvolutionParameter", "dilate"): "dilation",
    ("SolverParameter", "learning_rate"): "base_lr",
    ("SolverParameter", "lr"): "base_lr",
    ("SolverParameter", "policy"): "lr_policy",
    ("SolverParameter", "max_iterations"): "max_iter",
    ("SolverParameter", "batch_size"): "iter_size",
    ("DataParameter", "batch"): "batch_size",
    ("DropoutParameter", "ratio"): "dropout_ratio",
    ("TransformationParameter", "crop"): "crop_size",
    ("TransformationParameter", "mean"): "mean_value",
}
"""What was meant by names that are not near to it."""

FORKS = {
    "annotated_data_param": "SSD",
    "bn_param": "SegNet",
    "ceil_mode": "R-FCN",
    "cudnn_param": "NVCaffe",
    "dense_image_data_param": "SegNet",
    "detection_output_param": "SSD",
    "interp_param": "DeepLab and PSPNet",
    "multibox_loss_param": "SSD",
    "norm_param": "SSD",
    "permute_param": "SSD",
    "prior_box_param": "SSD",
    "psroi_pooling_param": "R-FCN",
    "resize_param": "SSD",
    "roi_pooling_param": "Fast R-CNN",
    "scale_bias": "NVCaffe",
    "scale_train": "Faster R-CNN",
    "seg_accuracy_param": "DeepLab",
    "smooth_l1_loss_param": "Fast R-CNN",
    "upsample_param": "SegNet",
}
"""Fields that only a fork of Caffe has, and which."""


def unknown_fields(prototxt: Prototxt) -> Iterator[Problem]:
    """Every field is one that Caffe has: it aborts at the first it does not know."""
    hints = Hints()
    for field in prototxt.unknown:
        if field.name in FORKS:
            yield _fork(field.name, field.path, field.owner)
        else:
            yield Problem(
                "unknown-field",
                f"{field.owner} has no field {field.name!r}: Caffe aborts when it parses the file",
                field.path,
                _fix(field, hints),
            )
    if prototxt.kind == "network":
        for number, layer in enumerate(prototxt.message.layer):
            if layer.HasField("permute_param"):
                yield _fork("permute_param", f"layer[{number}].permute_param", "LayerParameter")


def _fork(name: str, path: str, owner: str) -> Problem:
    return Problem(
        "unknown-field",
        f"{owner} has the field {name!r} in a fork ({FORKS[name]}) only; BVLC Caffe aborts when it parses the file",
        path,
        "train with that fork",
        "suspicious",
    )


def _fix(field: UnknownField, hints: Hints) -> str:
    known = messages()[field.owner]
    meant = MEANT.get((field.owner, field.name))
    if meant is None:
        meant = hints.nearest(field.name, known)
    if meant is not None:
        return f"the field is {meant}"
    inside = [name for name, it in known.items() if field.name in messages().get(it.type, {})]
    if len(inside) == 1:
        return f"it belongs inside {inside[0]} {{ }}"
    if inside and len(inside) <= 8:
        return f"it belongs inside one of {', '.join(inside)}"
    return "remove it, or see caffe.proto for the name"
