"""Test failed checks of Caffe that users posted, or similar ones: each is known, with the command to run next."""

import pytest

from datacheck.logs.aborts import CHECKS, find_abort

KNOWN = """\
scan accuracy_layer.cpp:34] Check failed: outer_num_ * inner_num_ == bottom[1]->count() (1 vs. 20) Number of labels
scan bbox_util.cpp:781] Check failed: background_label_id != label (0 vs. 0) Found background label
scan compute_image_mean.cpp:77] Check failed: size_in_datum == data_size (4 vs. 5) Incorrect data field size 4
lint concat_layer.cpp:42] Check failed: top[0]->shape(j) == bottom[i]->shape(j) (8 vs. 7) All inputs must have the same
scan data_transformer.cpp:168] Check failed: height <= datum_height (448 vs. 273)
scan data_transformer.cpp:257] Check failed: img_channels == data_mean_.channels() (3 vs. 227)
scan data_transformer.cpp:466] Check failed: img_height >= crop_size (0 vs. 227)
scan data_transformer.cpp:467] Check failed: datum_width >= crop_size (3 vs. 224)
scan data_transformer.cpp:60] Check failed: datum_channels == data_mean_.channels() (1 vs. 3)
scan data_transformer.cpp:63] Check failed: datum_height == data_mean_.height() (227 vs. 256)
scan data_transformer.cpp:63] Check failed: datum_width == data_mean_.width() (227 vs. 256)
lint data_transformer.cpp:67] Check failed: mean_values_.size() == 1 || mean_values_.size() == img_channels Specify
scan db_leveldb.hpp:19] Check failed: iter_->status().ok() Corruption: block checksum mismatch
scan db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30792 vs. 0) MDB_MAP_FULL: Environment mapsize limit reached
scan db_lmdb.hpp:15] Check failed: mdb_status == 0 (-30794 vs. 0) MDB_VERSION_MISMATCH: version mismatch
lint euclidean_loss_layer.cpp:12] Check failed: bottom[0]->count(1) == bottom[1]->count(1) (4 vs. 1) Inputs must have
scan inner_product_layer.cpp:64] Check failed: K_ == new_K (9216 vs. 4096) Input size incompatible
lint io.cpp:64] Check failed: fd != -1 (-1 vs. -1) File not found: mean.binaryproto
lint io.hpp:78] Check failed: ReadProtoFromBinaryFile(filename, proto)
lint loss_layer.cpp:19] Check failed: (8 vs. 4) The data and label should have the same number
lint sigmoid_cross_entropy_loss_layer.cpp:31] Check failed: bottom[0]->count() == bottom[1]->count() (160 vs. 8) inputs
scan softmax_loss_layer.cpp:47] Check failed: outer_num_ * inner_num_ == bottom[1]->count() (187500 vs. 562500)
lint softmax_loss_layer.cpp:118] SoftmaxWithLoss Layer cannot backpropagate to label inputs.
lint net.cpp:404] Unknown bottom blob 'data' (layer 'conv1', bottom index 0)
lint net.cpp:377] Top blob 'a' produced by multiple sources.
lint net.cpp:143] Check failed: param_size <= num_param_blobs (3 vs. 2) Too many params specified for layer a
lint net.cpp:486] Cannot share param 'w' owned by layer 'a' with layer 'b'; shape mismatch.
lint blob.hpp:122] Check failed: axis_index < num_axes() (3 vs. 2) axis 3 out of range for 2-D Blob with shape 4 10 (40)
lint blob.hpp:140] Check failed: num_axes() <= 4 (5 vs. 4) Cannot use legacy accessors on Blobs with > 4 axes.
lint solver.cpp:448] Cannot write to snapshot prefix 'no/x'.  Make sure that the directory exists and is writable.
lint layer_factory.hpp:81] Check failed: registry.count(type) == 1 (0 vs. 1) Unknown layer type: Permute
lint pooling_layer.cpp:74] Check failed: pad_h_ < kernel_h_ (3 vs. 2)
lint base_conv_layer.cpp:122] Check failed: (1 vs. 0) Number of output should be multiples of group.
scan image_data_layer.cpp:49] Check failed: !lines_.empty() File is empty
lint lrn_layer.cpp:71] Check failed: 4 == bottom[0]->num_axes() (4 vs. 2) Input must have 4 axes, corresponding
"""


@pytest.mark.parametrize("row", KNOWN.splitlines())
def test_a_failed_check_is_known_with_the_next_command(row):
    command, _, line = row.partition(" ")
    known = find_abort(line.encode())
    assert known is not None
    assert known.next_step == command
    assert not known.by_someone


def test_no_sign_is_part_of_one_before_it():
    before = []
    for abort in CHECKS:
        for sign in abort.signs:
            assert not any(it in sign for it in before), sign
        before += abort.signs
