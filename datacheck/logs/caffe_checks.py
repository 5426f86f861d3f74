"""The meaning of the checks in Caffe's data transformer, databases and layers, by what they print when they fail.

The facts are from the CHECKs in src/caffe. A row has texts of the line, any of which is enough, the meaning, and the
next command: "scan", "lint" or empty.
"""

from __future__ import annotations

Row = tuple[tuple[bytes, ...], str, str]

MEAN = "the mean file has another size than the records: it was made of other data, or of uncropped pictures"
CROP = "a record is smaller than crop_size, or holds height, width, channels where channels, height, width is meant"
LABELS = (
    "there are not as many labels as predictions: the label of a picture where one of each pixel is needed, label "
    "pictures of several channels, or predictions of another size"
)
TARGETS = "a loss is given predictions and targets of different sizes"
BLOBS = "the layers of the network do not fit together"
PARAM = "what layers say of the blobs that they learn does not fit"
WINDOW = "the window of a convolution or pooling does not fit"

CAFFE_CHECKS: tuple[Row, ...] = (
    ((b"datum_channels == data_mean_", b"datum_height == data_mean_", b"datum_width == data_mean_"), MEAN, "scan"),
    ((b"img_channels == data_mean_", b"img_height == data_mean_", b"img_width == data_mean_"), MEAN, "scan"),
    ((b"datum_height >= crop_size", b"datum_width >= crop_size"), CROP, "scan"),
    ((b"img_height >= crop_size", b"img_width >= crop_size"), CROP, "scan"),
    (
        (b"mean_values_.size()", b"Specify either 1 mean_value"),
        "as many mean values as channels are needed, or one: the records have another number of channels",
        "lint",
    ),
    ((b"Cannot specify mean_file and mean_value",), "mean_file and mean_value are both given", "lint"),
    ((b"Image data type must be unsigned byte",), "a picture has 16 bits for each value, and Caffe reads 8", "scan"),
    ((b"cannot set both force_color and force_gray",), "force_color and force_gray are both set", "lint"),
    ((b"File not found:",), "a file that the network or the solver names is not there", "lint"),
    ((b"ReadProtoFromBinaryFile",), "a mean or weights file is damaged, empty, or none at all", "lint"),
    ((b"MDB_MAP_FULL",), "the LMDB environment is full: its map is smaller than what is written", "scan"),
    ((b"MDB_VERSION_MISMATCH",), "the LMDB environment was written by another version of LMDB", "scan"),
    ((b"MDB_READERS_FULL",), "too many processes read the LMDB environment at once", ""),
    ((b"background_label_id != label",), "a record has the label of the background", "scan"),
    ((b"All inputs must have the same",), "the inputs of a Concat layer differ in size", "lint"),
    ((b"Number of labels must match", b"outer_num_ * inner_num_"), LABELS, "scan"),
    (
        (b"The data and label should have the same number",),
        "the two bottoms of a loss have not as many rows: the batch sizes of two data layers differ",
        "lint",
    ),
    ((b"Inputs must have the same dimension", b"bottom[0]->count(1) == bottom[1]->count(1)"), TARGETS, "lint"),
    ((b"inputs must have the same count", b"bottom[0]->count() == bottom[1]->count()"), TARGETS, "lint"),
    ((b"top_k must be",), "top_k is more than there are classes", "lint"),
    ((b"out of range for",), "an axis is named that the blob does not have", "lint"),
    ((b"legacy accessors",), "a layer that takes at most four axes is given more", "lint"),
    ((b"Input must have 4 axes",), "a layer that takes pictures is given something else", "lint"),
    ((b"Unknown bottom blob", b"produced by multiple sources"), BLOBS, "lint"),
    ((b"blob(s) as input", b"blob(s) as output"), BLOBS, "lint"),
    ((b"Unknown layer type",), "this Caffe has no such layer: it is a fork's, or mistyped", "lint"),
    (
        (b"Cannot share param", b"Cannot copy param", b"Incompatible number of blobs"),
        "weights have another shape than the layer that is to take them",
        "lint",
    ),
    ((b"has mismatched lr_mult", b"has mismatched decay_mult", b"Too many params"), PARAM, "lint"),
    ((b"loss_weight must be",), "a layer has not a loss_weight for each top", "lint"),
    ((b"Cannot write to snapshot prefix",), "the folder of the snapshots is not there, or may not be written", "lint"),
    (
        (b"annot backpropagate", b"Can't backpropagate"),
        "a gradient is to go where the layer lets none through: often the label and the scores are swapped",
        "lint",
    ),
    ((b"label_value",), "a label is beyond the classes", "scan"),
    (
        (b"File is empty", b"Not enough points to skip", b"Must have at least 1 HDF5"),
        "the list of a data layer is empty, or shorter than what is to be skipped",
        "scan",
    ),
    ((b"new_height and new_width",), "new_height and new_width must be given together", "lint"),
    ((b"does not transform data",), "HDF5Data takes no transform_param", "lint"),
    ((b"Positive batch size", b"batch_size_ * size_ > 0"), "a data layer has no batch_size, or a size of 0", "lint"),
    ((b"blob size exceeds INT_MAX",), "a blob would have more values than Caffe can count", "lint"),
    ((b"Filter dimensions", b"Stride dimensions", b"multiples of group"), WINDOW, "lint"),
    ((b"pad_h_ < kernel_h_", b"pad_w_ < kernel_w_", b"channels_ % group_"), WINDOW, "lint"),
    ((b"num_output must be positive", b"num_output_ > 0"), "a layer has no num_output", "lint"),
)
"""Searched from the top; the first row that fits counts."""
