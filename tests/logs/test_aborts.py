"""Test what it means when Caffe dies: a line per sign, as Caffe, LMDB, LevelDB, HDF5, CUDA or the system print it."""

import os

import pytest

from datacheck.errors import SourceMissing, SourceUnknown, SourceUnreadable
from datacheck.logs.aborts import ABORTS, find_abort
from datacheck.logs.lines import open_log

CHANNELS = "a record is empty, cut, no picture, or has another number of channels than the first"
SMALLER = "a record is smaller than the first one, or than the crop"
SIZES = "records have different sizes; Caffe blames a healthy one where the first of a batch is the odd one"
LMDB = "the LMDB environment is damaged"
LEVELDB = "the LevelDB is damaged or has lost a file"
CHUNK = "an HDF5 chunk is damaged"
NO_ARRAY = "an HDF5 dataset is not an array of numbers"
INFOGAIN = "the infogain matrix does not fit"
NO_MEMORY = "the GPU has no memory left: the batch or the network is too large"
GPU = "the GPU or its library reported an error"
CUT = "a memory-mapped file is shorter than it says: the database was cut"
FOREIGN = "memory that is not Caffe's was read: an empty record, too few values, a label beyond the classes or NaN"
ZERO = "an integer was divided by zero, such as a stride of 0"
KILLED = "something else ended the process, such as the system for want of memory"
SOMEONE = "someone ended the process, by hand or at the time limit of a job; that says nothing of the training"
LINES = [
    ("data_transformer.cpp:167] Check failed: channels == datum_channels (3 vs. 0) ", CHANNELS, "scan"),
    ("data_transformer.cpp:250] Check failed: channels == img_channels (3 vs. 1) ", CHANNELS, "scan"),
    ("data_transformer.cpp:301] Check failed: cv_cropped_img.data ", CHANNELS, "scan"),
    ("data_transformer.cpp:465] Check failed: datum_channels > 0 (0 vs. 0) ", CHANNELS, "scan"),
    ("data_transformer.cpp:168] Check failed: height <= datum_height (8 vs. 4) ", SMALLER, "scan"),
    ("data_transformer.cpp:169] Check failed: width <= datum_width (8 vs. 4) ", SMALLER, "scan"),
    ("data_transformer.cpp:251] Check failed: height <= img_height (8 vs. 4) ", SMALLER, "scan"),
    ("data_transformer.cpp:252] Check failed: width <= img_width (8 vs. 4) ", SMALLER, "scan"),
    ("data_transformer.cpp:178] Check failed: datum_height == height (9 vs. 8) ", SIZES, "scan"),
    ("data_transformer.cpp:179] Check failed: datum_width == width (9 vs. 8) ", SIZES, "scan"),
    (
        "inner_product_layer.cpp:64] Check failed: K_ == new_K (192 vs. 48) Input size incompatible",
        "a record has another size than those before it", "scan",
    ),
    (
        "OpenCV(4.6.0) error: (-215:Assertion failed) !buf.empty() in function 'imdecode_'",
        "a record that is marked as encoded has no data", "scan",
    ),
    ("db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30793 vs. 0) MDB_INVALID: not an LMDB file", LMDB, "scan"),
    ("db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30796 vs. 0) MDB_CORRUPTED: page is wrong", LMDB, "scan"),
    ("db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30797 vs. 0) MDB_PAGE_NOTFOUND: page", LMDB, "scan"),
    (
        "db_lmdb.hpp:15] Check failed: mdb_status == 0 (2 vs. 0) No such file or directory",
        "the database does not exist at that path", "lint",
    ),
    (
        "db_lmdb.hpp:15] Check failed: mdb_status == 0 (13 vs. 0) Permission denied",
        "Caffe may not write the lock file of the LMDB environment", "",
    ),
    (
        "db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30781 vs. 0) MDB_BAD_VALSIZE: size",
        "a key is longer than the 511 bytes that LMDB allows", "",
    ),
    (
        "db_leveldb.cpp:16] Check failed: status.ok() Failed to open leveldb train",
        "the LevelDB is absent, damaged, or locked by another process", "scan",
    ),
    ("db_leveldb.hpp:21] Check failed: x", LEVELDB, "scan"),
    ("data_layer.cpp:1] Check failed: iter_->status().ok() Corruption: block checksum mismatch", LEVELDB, "scan"),
    (
        "hdf5_data_layer.cpp:55] Check failed: hdf_blobs_[i]->shape(0) == num (90 vs. 100) ",
        "datasets of one HDF5 file differ in length", "scan",
    ),
    (
        "hdf5_data_layer.cpp:31] Failed opening HDF5 file: a.h5",
        "an HDF5 file is absent or damaged, or its path has a blank in it", "scan",
    ),
    (
        "hdf5.cpp:15] Check failed: H5LTfind_dataset(file_id, name) Failed to find HDF5 dataset data",
        "an HDF5 file lacks a dataset that the layer has as a top", "scan",
    ),
    ("hdf5.cpp:86] Check failed: status >= 0 (-1 vs. 0) Failed to read float dataset data", CHUNK, "scan"),
    ("hdf5.cpp:99] Check failed: status >= 0 (-1 vs. 0) Failed to read double dataset data", CHUNK, "scan"),
    ("hdf5.cpp:41] Unsupported datatype class: H5T_STRING", NO_ARRAY, "scan"),
    ("hdf5.cpp:22] Check failed: ndims >= min_dim (0 vs. 1) ", NO_ARRAY, "scan"),
    (
        "image_data_layer.cpp:60] Check failed: cv_img.data Could not load a.jpg",
        "a picture is missing or cannot be decoded", "scan",
    ),
    (
        "data_reader.cpp:3] Check failed: data.size() == size (1 vs. 2) Incorrect data field size 1",
        "a record's data is not channels x height x width bytes", "scan",
    ),
    (
        "blob.cpp:133] Check failed: data_ ",
        "a blob has no values: batch_size is not set, or the first record is empty", "scan",
    ),
    ("blob.cpp:496] Check failed: count_ == proto.data_size() (9 vs. 4) ", INFOGAIN, "lint"),
    ("infogain.cpp:40] Check failed: Infogain matrix source must be specified.", INFOGAIN, "lint"),
    ("infogain_loss_layer.cpp:49] Check failed: x == y", INFOGAIN, "lint"),
    (
        "sgd_solver.cpp:67] Unknown learning rate policy: ",
        "lr_policy is not set or has a name that Caffe does not know", "lint",
    ),
    (
        "sgd_solver.cpp:33] Check failed: this->param_.stepsize() > 0 (0 vs. 0) ",
        "a parameter of the learning-rate policy is missing or out of range", "lint",
    ),
    (
        "upgrade_proto.cpp:88] Check failed: ReadProtoFromTextFile(a, b) Failed to parse NetParameter file: a",
        "a prototxt has a field that this Caffe does not know, or is not well-formed", "lint",
    ),
    ("syncedmem.cpp:71] Check failed: error == cudaSuccess (2 vs. 0)  out of memory", NO_MEMORY, ""),
    ("syncedmem.cpp:71] Check failed: error == 0 (2 vs. 0)  out of ", NO_MEMORY, ""),
    ("CUDA error: out of memory", NO_MEMORY, ""),
    ("math_functions.cu:26] Check failed: error == cudaSuccess (77 vs. 0)  an illegal memory access", GPU, ""),
    ("math_functions.cu:26] Check failed: status == CUBLAS_STATUS_SUCCESS (14 vs. 0) ", GPU, ""),
    ("cudnn.hpp:3] Check failed: status == CUDNN_STATUS_SUCCESS (8 vs. 0) ", GPU, ""),
    ("*** SIGBUS (@0x7f) received by PID 7 (TID 0x7f) from PID 1; stack trace: ***", CUT, "scan"),
    ("Bus error (core dumped)", CUT, "scan"),
    ("*** SIGSEGV (@0x0) received by PID 7 (TID 0x7f) from PID 0; stack trace: ***", FOREIGN, "scan"),
    ("Segmentation fault (core dumped)", FOREIGN, "scan"),
    ("*** SIGFPE (@0x7f) received by PID 7 (TID 0x7f) from PID 1; stack trace: ***", ZERO, "lint"),
    ("Floating point exception (core dumped)", ZERO, "lint"),
    ("Killed", KILLED, ""),
    *((f"*** {it} (@0x0) received by PID 7 (TID 0x7f) from PID 1; stack trace: ***", SOMEONE, "")
      for it in ("SIGTERM", "SIGINT", "SIGHUP")),
    ("*** SIGKILL (@0x0) received by PID 7 (TID 0x7f) from PID 1; stack trace: ***", KILLED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "what", "command"), LINES)
def test_what_a_line_means(line, what, command):
    known = find_abort(line.encode())
    assert (known.meaning, known.next_step) == (what, command)


def test_each_sign_has_a_line_that_only_it_explains():
    told = [line.encode() for line, _, _ in LINES]
    assert {what for _, what, _ in LINES} == {abort.meaning for abort in ABORTS}
    for abort in ABORTS:
        for sign in abort.signs:
            others = [it for it in abort.signs if it != sign]
            assert any(sign in line and not any(it in line for it in others) for line in told), sign


def test_a_line_that_nothing_is_known_of_means_nothing():
    assert find_abort(b"new_layer.cpp:5] Check failed: a == b (1 vs. 2) ") is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "could not be opened: Permission denied"),
        (OSError(5, "Input/output error"), "could not be opened: Input/output error"),
    ],
)
def test_a_log_that_cannot_be_opened_is_said_in_a_sentence(tmp_path, monkeypatch, error, said):
    path = tmp_path / "train.log"
    path.touch()
    real = os.open

    def refuse(opened, *args, **how):
        if str(opened) == str(path):
            raise error
        return real(opened, *args, **how)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceUnreadable, match=said), open_log(str(path)):
        pass


def test_a_log_that_is_not_there_or_a_folder_is_said(tmp_path):
    with pytest.raises(SourceMissing), open_log(str(tmp_path / "nothing")):
        pass
    with pytest.raises(SourceUnknown, match="is a directory; name the log file in it"), open_log(str(tmp_path)):
        pass
