"""The meaning of failed checks and signals that stop Caffe, as observed with BVLC Caffe, one fault at a time."""

from __future__ import annotations

from typing import NamedTuple

from datacheck.logs.caffe_checks import CAFFE_CHECKS


class Abort(NamedTuple):
    """A known cause of death of a process, recognised by the line that it wrote.

    `signs` are texts of the line, any of which is enough. `next_step` is "scan", "lint" or empty. `by_someone` means
    that someone ended the process on purpose, which says nothing about the training.
    """

    signs: tuple[bytes, ...]
    meaning: str
    next_step: str = ""
    by_someone: bool = False


CHECKS: tuple[Abort, ...] = tuple(Abort(*row) for row in CAFFE_CHECKS)
ABORTS: tuple[Abort, ...] = (
    Abort(
        (b"channels == datum_channels", b"channels == img_channels", b"cv_cropped_img.data", b"datum_channels > 0"),
        "a record is empty, cut, no picture, or has another number of channels than the first",
        "scan",
    ),
    Abort(
        (b"height <= datum_height", b"width <= datum_width", b"height <= img_height", b"width <= img_width"),
        "a record is smaller than the first one, or than the crop",
        "scan",
    ),
    Abort(
        (b"datum_height == height", b"datum_width == width"),
        "records have different sizes; Caffe blames a healthy one where the first of a batch is the odd one",
        "scan",
    ),
    Abort((b"K_ == new_K",), "a record has another size than those before it", "scan"),
    Abort((b"imdecode",), "a record that is marked as encoded has no data", "scan"),
    Abort((b"MDB_INVALID", b"MDB_CORRUPTED", b"MDB_PAGE_NOTFOUND"), "the LMDB environment is damaged", "scan"),
    Abort((b"(2 vs. 0) No such file",), "the database does not exist at that path", "lint"),
    Abort((b"(13 vs. 0) Permission",), "Caffe may not write the lock file of the LMDB environment"),
    Abort((b"MDB_BAD_VALSIZE",), "a key is longer than the 511 bytes that LMDB allows"),
    Abort((b"Failed to open leveldb",), "the LevelDB is absent, damaged, or locked by another process", "scan"),
    Abort((b"db_leveldb.hpp", b"iter_->status().ok()"), "the LevelDB is damaged or has lost a file", "scan"),
    Abort((b"shape(0) == num",), "datasets of one HDF5 file differ in length", "scan"),
    Abort((b"Failed opening HDF5 file",), "an HDF5 file is absent or damaged, or its path has a blank in it", "scan"),
    Abort((b"Failed to find HDF5 dataset",), "an HDF5 file lacks a dataset that the layer has as a top", "scan"),
    Abort((b"Failed to read float dataset", b"Failed to read double dataset"), "an HDF5 chunk is damaged", "scan"),
    Abort((b"Unsupported datatype class", b"ndims >= min_dim"), "an HDF5 dataset is not an array of numbers", "scan"),
    Abort((b"Could not load",), "a picture is missing or cannot be decoded", "scan"),
    Abort((b"Incorrect data field size",), "a record's data is not channels x height x width bytes", "scan"),
    Abort(
        (b"Check failed: data_",), "a blob has no values: batch_size is not set, or the first record is empty", "scan"
    ),
    Abort(
        (b"count_ == proto.data_size", b"Infogain matrix", b"infogain_loss"), "the infogain matrix does not fit", "lint"
    ),
    Abort((b"Unknown learning rate policy",), "lr_policy is not set or has a name that Caffe does not know", "lint"),
    Abort((b"sgd_solver.cpp",), "a parameter of the learning-rate policy is missing or out of range", "lint"),
    Abort((b"Failed to parse",), "a prototxt has a field that this Caffe does not know, or is not well-formed", "lint"),
    Abort(
        (b"out of memory", b"(2 vs. 0)  out of"), "the GPU has no memory left: the batch or the network is too large"
    ),
    Abort((b"cudaSuccess", b"CUBLAS_STATUS", b"CUDNN_STATUS"), "the GPU or its library reported an error"),
    Abort((b"SIGBUS", b"Bus error"), "a memory-mapped file is shorter than it says: the database was cut", "scan"),
    Abort(
        (b"SIGSEGV", b"Segmentation fault"),
        "memory that is not Caffe's was read: an empty record, too few values, a label beyond the classes or NaN",
        "scan",
    ),
    Abort((b"SIGFPE", b"Floating point"), "an integer was divided by zero, such as a stride of 0", "lint"),
    Abort(
        (b"SIGTERM", b"SIGINT", b"SIGHUP"),
        "someone ended the process, by hand or at the time limit of a job; that says nothing of the training",
        by_someone=True,
    ),
    Abort((b"Killed", b"SIGKILL"), "something else ended the process, such as the system for want of memory"),
)
"""Causes of death beside those in CHECKS, searched from the top; the first that fits counts."""


def find_abort(text: bytes) -> Abort | None:
    """Return the cause of death that a line shows, or None if it is not known; CHECKS is searched before ABORTS."""
    return next((abort for abort in (*CHECKS, *ABORTS) if any(sign in text for sign in abort.signs)), None)
