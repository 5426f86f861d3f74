"""The checks that BVLC Caffe 9b89154 makes while it sets up a network, and where datacheck has each of them.

The numbers are lines of Caffe's sources: all CHECKs and LOG(FATAL)s of the layers' LayerSetUp and Reshape, of blob.hpp,
net.cpp, layer.hpp, filler.hpp, layer_factory.cpp and data_transformer.cpp. `row`: decided by shapes and parameters,
and covered by a row of a table or a rule of `lint`; `files`: decided by the contents of a file (`scan --net`); `run`:
compares with an earlier batch, or with loaded weights; `build`: decided by how Caffe was built; `internal`: cannot
fail, whatever the network is.
"""

import re

import pytest

from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.setup_checks import CHECKS
from datacheck.caffe.shape_rules import RULES
from datacheck.caffe.shape_sources import SOURCES
from datacheck.linting.rules import LAYER_RULES

TABLE = """
absval_layer.cpp: row 12
accuracy_layer.cpp: row 25 31
argmax_layer.cpp: row 17 21 23 26; internal 20
base_conv_layer.cpp: row 27 29 35 45 51 53 59 68 75 77 83 98 119 121 122 195; run 143 147 153 188 191; internal 21
batch_norm_layer.cpp: row 44 55
batch_reindex_layer.cpp: row 11
bias_layer.cpp: row 19 22 50 54
blob.cpp: row 24 32 34 49; run 157
blob.hpp: row 119 122 140; internal 86 87 88 89 90 142 143 172 173
concat_layer.cpp: row 12 28 38 42; internal 25 49
contrastive_loss_layer.cpp: row 13 14 15 16 17 18 19 20
crop_layer.cpp: row 25 29 63; internal 22
cudnn_conv_layer.cpp: row 94
cudnn_deconv_layer.cpp: row 96
data_transformer.cpp: row 21 33 445 465 466 467 497 498 499; build 457; internal 481 513
dummy_data_layer.cpp: row 14 22 25 28 31 34 38
eltwise_layer.cpp: row 12 15 34
embed_layer.cpp: row 13 15
euclidean_loss_layer.cpp: row 12
exp_layer.cpp: row 14 19 21
filler.hpp: row 39 43 55 58 71 75 81 112 122 149 166 194 211 255 256 265 294
filter_layer.cpp: row 11 22 26
flatten_layer.cpp: row 10; internal 26
hdf5_data_layer.cpp: row 77; files 32 49 52 55 90 96
hdf5_output_layer.cpp: row 34; files 18 26
im2col_layer.cpp: row 17 23 25 31 41 47 49 55 64 71 73 79 94
image_data_layer.cpp: row 33 83; files 49 71 77
infogain_loss_layer.cpp: row 36 41 60 72
inner_product_layer.cpp: run 64
input_layer.cpp: row 13
layer.hpp: row 349 354 359 364 369 374 379 392
layer_factory.cpp: row 66 105; build 72 111 149 187 211 235 259 283
log_layer.cpp: row 14 19 21 24 26
loss_layer.cpp: row 19
lrn_layer.cpp: row 12 71
lstm_layer.cpp: row 49; internal 88
lstm_unit_layer.cpp: row 26 28 30 31 34
memory_data_layer.cpp: row 19
multinomial_logistic_loss_layer.cpp: row 14 15 16
net.cpp: row 79 143 269 377 404 478 486 497 506
pooling_layer.cpp: row 18 22 25 29 33 50 51 65 69 74 75 82; internal 105 116 117
prelu_layer.cpp: row 14 57; run 40 43
recurrent_layer.cpp: row 16 23 25 26 46 47 185 189 191 192 216; run 187; internal 40 113 114 117 125 127 131 136 141
    159 178 201
reduction_layer.cpp: internal 28
reshape_layer.cpp: row 10 22 37 38 41 44 64 80 87; internal 61
rnn_layer.cpp: row 44; internal 83
scale_layer.cpp: row 21 24 88 92
sigmoid_cross_entropy_loss_layer.cpp: row 41
slice_layer.cpp: row 13 33 43 44 50 61; internal 30 70
softmax_loss_layer.cpp: row 47
split_layer.cpp: row 18; internal 21
spp_layer.cpp: row 74 75 148; internal 58
tile_layer.cpp: row 13 15
window_data_layer.cpp: row 173 202; files 79 88 91 134 207
"""
KINDS = ("row", "files", "run", "build", "internal")
WHERE = {
    "accuracy": ("Accuracy", "shapes"),
    "argmax": ("ArgMax",),
    "base_conv": ("Convolution", "Deconvolution"),
    "batch_norm": ("BatchNorm", "batch-norm"),
    "blob.cpp": ("shapes", "blob-fillers"),
    "blob.hpp": ("shapes",),
    "cudnn_conv": ("Convolution",),
    "cudnn_deconv": ("Deconvolution",),
    "data_transformer.cpp": ("Data", "transformation"),
    "dummy_data": ("DummyData",),
    "euclidean_loss": ("EuclideanLoss", "shapes"),
    "exp": ("exp",),
    "filler.hpp": ("fillers", "blob-fillers"),
    "hdf5_data": ("transformation",),
    "image_data": ("ImageData", "source"),
    "infogain_loss": ("InfogainLoss", "infogain", "shapes"),
    "layer.hpp": ("counts",),
    "layer_factory.cpp": ("Convolution", "Deconvolution"),
    "log": ("log",),
    "loss": ("EuclideanLoss", "HingeLoss", "SoftmaxWithLoss"),
    "lrn": ("LRN", "normalisation"),
    "net.cpp": ("blobs", "counts", "param", "shared-param"),
    "recurrent": ("LSTM", "RNN"),
    "softmax_loss": ("SoftmaxWithLoss", "shapes"),
    "window_data": ("WindowData", "transformation"),
}
"""For each file, the layer types whose checks and shapes have its rows, and the rules of `lint`."""


def checks():
    """Yield the file, the kind and the line of each check."""
    for file, rest in re.findall(r"^(\S+): (.*(?:\n    .*)*)", TABLE, re.M):
        for part in rest.split(";"):
            kind, *lines = part.split()
            for line in lines:
                yield file, kind, int(line)


def test_every_check_is_listed_once():
    every = list(checks())
    assert len(every) == len({(file, line) for file, _, line in every})
    assert {kind for _, kind, _ in every} == set(KINDS)


@pytest.mark.parametrize("file", sorted({file for file, kind, _ in checks() if kind == "row"}))
def test_a_file_with_rows_has_a_table_or_a_rule(file):
    stem = file.removesuffix("_layer.cpp")
    named = stem.replace("_", "").removesuffix(".cpp")
    kinds = [it for it in LAYER_TYPES if it.lower() == named]
    where = WHERE.get(stem, tuple(kinds))
    assert where
    assert set(where) <= CHECKS.keys() | RULES.keys() | SOURCES.keys() | LAYER_RULES.keys()
