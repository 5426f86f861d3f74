"""The layer types of BVLC Caffe: the parameters of each, and how many bottoms and tops its checks allow.

The facts come from `include/caffe/layers/*.hpp` (ExactNumBottomBlobs and the like). A loss may omit its tops, because
Caffe makes them (AutoTopBlobs).
"""

from __future__ import annotations

from typing import NamedTuple


class LayerType(NamedTuple):
    """The minimum and maximum number of bottoms and tops (None: no limit), and the fields that hold the parameters."""

    bottoms: tuple[int, int | None]
    tops: tuple[int, int | None]
    params: tuple[str, ...] = ()


ONE = (1, 1)
SOME = (1, None)
SOURCE = (0, 0)
LOSS = (0, 1)

LAYER_TYPES: dict[str, LayerType] = {
    "AbsVal": LayerType(ONE, ONE),
    "Accuracy": LayerType((2, 2), (1, 2), ("accuracy_param",)),
    "ArgMax": LayerType(ONE, ONE, ("argmax_param",)),
    "BNLL": LayerType(ONE, ONE),
    "BatchNorm": LayerType(ONE, ONE, ("batch_norm_param",)),
    "BatchReindex": LayerType((2, 2), ONE),
    "Bias": LayerType((1, 2), ONE, ("bias_param",)),
    "Clip": LayerType(ONE, ONE, ("clip_param",)),
    "Concat": LayerType(SOME, ONE, ("concat_param",)),
    "ContrastiveLoss": LayerType((3, 3), LOSS, ("contrastive_loss_param", "loss_param")),
    "Convolution": LayerType(SOME, SOME, ("convolution_param",)),
    "Crop": LayerType((2, 2), ONE, ("crop_param",)),
    "Data": LayerType(SOURCE, (1, 2), ("data_param", "transform_param")),
    "Deconvolution": LayerType(SOME, SOME, ("convolution_param",)),
    "Dropout": LayerType(ONE, ONE, ("dropout_param",)),
    "DummyData": LayerType(SOURCE, SOME, ("dummy_data_param",)),
    "ELU": LayerType(ONE, ONE, ("elu_param",)),
    "Eltwise": LayerType((2, None), ONE, ("eltwise_param",)),
    "Embed": LayerType(ONE, ONE, ("embed_param",)),
    "EuclideanLoss": LayerType((2, 2), LOSS, ("loss_param",)),
    "Exp": LayerType(ONE, ONE, ("exp_param",)),
    "Filter": LayerType((2, None), SOME),
    "Flatten": LayerType(ONE, ONE, ("flatten_param",)),
    "HDF5Data": LayerType(SOURCE, SOME, ("hdf5_data_param",)),
    "HDF5Output": LayerType((2, 2), SOURCE, ("hdf5_output_param",)),
    "HingeLoss": LayerType((2, 2), LOSS, ("hinge_loss_param", "loss_param")),
    "Im2col": LayerType(ONE, ONE, ("convolution_param",)),
    "ImageData": LayerType(SOURCE, (2, 2), ("image_data_param", "transform_param")),
    "InfogainLoss": LayerType((2, 3), (0, 2), ("infogain_loss_param", "loss_param")),
    "InnerProduct": LayerType(ONE, ONE, ("inner_product_param",)),
    "Input": LayerType(SOURCE, SOME, ("input_param",)),
    "LRN": LayerType(ONE, ONE, ("lrn_param",)),
    "LSTM": LayerType((2, 5), (1, 3), ("recurrent_param",)),
    "LSTMUnit": LayerType((3, 3), (2, 2)),
    "Log": LayerType(ONE, ONE, ("log_param",)),
    "MVN": LayerType(ONE, ONE, ("mvn_param",)),
    "MemoryData": LayerType(SOURCE, (2, 2), ("memory_data_param", "transform_param")),
    "MultinomialLogisticLoss": LayerType((2, 2), LOSS, ("loss_param",)),
    "PReLU": LayerType(ONE, ONE, ("prelu_param",)),
    "Parameter": LayerType(SOURCE, ONE, ("parameter_param",)),
    "Pooling": LayerType(ONE, (1, 2), ("pooling_param",)),
    "Power": LayerType(ONE, ONE, ("power_param",)),
    "Python": LayerType((0, None), (0, None), ("python_param", "loss_param", "transform_param")),
    "RNN": LayerType((2, 4), (1, 2), ("recurrent_param",)),
    "ReLU": LayerType(ONE, ONE, ("relu_param",)),
    "Reduction": LayerType(ONE, ONE, ("reduction_param",)),
    "Reshape": LayerType(ONE, ONE, ("reshape_param",)),
    "SPP": LayerType(ONE, ONE, ("spp_param",)),
    "Scale": LayerType((1, 2), ONE, ("scale_param",)),
    "Sigmoid": LayerType(ONE, ONE, ("sigmoid_param",)),
    "SigmoidCrossEntropyLoss": LayerType((2, 2), LOSS, ("loss_param",)),
    "Silence": LayerType(SOME, SOURCE),
    "Slice": LayerType(ONE, SOME, ("slice_param",)),
    "Softmax": LayerType(ONE, ONE, ("softmax_param",)),
    "SoftmaxWithLoss": LayerType((2, 2), (0, 2), ("softmax_param", "loss_param")),
    "Split": LayerType(ONE, SOME),
    "Swish": LayerType(ONE, ONE, ("swish_param",)),
    "TanH": LayerType(ONE, ONE, ("tanh_param",)),
    "Threshold": LayerType(ONE, ONE, ("threshold_param",)),
    "Tile": LayerType(ONE, ONE, ("tile_param",)),
    "WindowData": LayerType(SOURCE, (2, 2), ("window_data_param", "transform_param")),
}

LOSSES = frozenset(name for name in LAYER_TYPES if name.endswith("Loss")) | {"SoftmaxWithLoss"}
CLASSIFIERS = ("SoftmaxWithLoss", "InfogainLoss", "HingeLoss", "MultinomialLogisticLoss", "Accuracy")
"""Layer types whose first bottom has a channel for each class, and whose second holds class numbers as labels."""


def is_loss(kind: str, loss_weights: list[float]) -> bool:
    """Return whether a layer contributes to the objective; the default weight is 1 for loss layers and 0 for others."""
    return any(weight != 0 for weight in loss_weights) if loss_weights else kind in LOSSES
