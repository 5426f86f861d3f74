"""Test the numbers of bottoms and tops of each layer type against the constructors and checks of BVLC Caffe's layers.

From `ExactNumBottomBlobs`, `MinBottomBlobs`, `MaxBottomBlobs` and those of the tops in `include/caffe/layers/*.hpp`.
"""

import pytest

import datacheck
from datacheck.caffe.layers import LAYER_TYPES

CHECKS = """
AbsVal                  1    1
Accuracy                2    1-2   accuracy_param
ArgMax                  1    1     argmax_param
BNLL                    1    1
BatchNorm               1    1     batch_norm_param
BatchReindex            2    1
Bias                    1-2  1     bias_param
Clip                    1    1     clip_param
Concat                  1-   1     concat_param
ContrastiveLoss         3    0-1   contrastive_loss_param loss_param
Convolution             1-   1-    convolution_param
Crop                    2    1     crop_param
Data                    0    1-2   data_param transform_param
Deconvolution           1-   1-    convolution_param
Dropout                 1    1     dropout_param
DummyData               0    1-    dummy_data_param
ELU                     1    1     elu_param
Eltwise                 2-   1     eltwise_param
Embed                   1    1     embed_param
EuclideanLoss           2    0-1   loss_param
Exp                     1    1     exp_param
Filter                  2-   1-
Flatten                 1    1     flatten_param
HDF5Data                0    1-    hdf5_data_param
HDF5Output              2    0     hdf5_output_param
HingeLoss               2    0-1   hinge_loss_param loss_param
Im2col                  1    1     convolution_param
ImageData               0    2     image_data_param transform_param
InfogainLoss            2-3  0-2   infogain_loss_param loss_param
InnerProduct            1    1     inner_product_param
Input                   0    1-    input_param
LRN                     1    1     lrn_param
LSTM                    2-5  1-3   recurrent_param
LSTMUnit                3    2
Log                     1    1     log_param
MVN                     1    1     mvn_param
MemoryData              0    2     memory_data_param transform_param
MultinomialLogisticLoss 2    0-1   loss_param
PReLU                   1    1     prelu_param
Parameter               0    1     parameter_param
Pooling                 1    1-2   pooling_param
Power                   1    1     power_param
Python                  0-   0-    python_param loss_param transform_param
RNN                     2-4  1-2   recurrent_param
ReLU                    1    1     relu_param
Reduction               1    1     reduction_param
Reshape                 1    1     reshape_param
SPP                     1    1     spp_param
Scale                   1-2  1     scale_param
Sigmoid                 1    1     sigmoid_param
SigmoidCrossEntropyLoss 2    0-1   loss_param
Silence                 1-   0
Slice                   1    1-    slice_param
Softmax                 1    1     softmax_param
SoftmaxWithLoss         2    0-2   softmax_param loss_param
Split                   1    1-
Swish                   1    1     swish_param
TanH                    1    1     tanh_param
Threshold               1    1     threshold_param
Tile                    1    1     tile_param
WindowData              0    2     window_data_param transform_param
"""


def span(text):
    least, dash, most = text.partition("-")
    return int(least), (int(most) if most else None if dash else int(least))


KINDS = {
    name: (span(bottoms), span(tops), tuple(params))
    for name, bottoms, tops, *params in map(str.split, CHECKS.strip().splitlines())
}


def test_there_is_a_row_for_each_layer_type():
    assert set(KINDS) == set(LAYER_TYPES)


def refused(folder, kind, bottoms, tops):
    """Return the messages about the numbers of bottoms and tops of a layer of this type."""
    ends = "".join(f' bottom: "b{at}"' for at in range(bottoms)) + "".join(f' top: "t{at}"' for at in range(tops))
    blobs = "".join(f' top: "b{at}"' for at in range(bottoms))
    text = f'layer {{ name: "blobs" type: "Python"{blobs} }}\nlayer {{ name: "it" type: "{kind}"{ends} }}\n'
    (folder / "net.prototxt").write_text(text)
    findings = datacheck.lint(folder / "net.prototxt").findings
    return [
        it.message for it in findings if it.key == "it" and f"{kind} takes " in it.message and ", not " in it.message
    ]


def asked(least, most, noun):
    number = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_takes_as_many_bottoms_as_caffe_checks_for(tmp_path, kind):
    (least, most), (tops, _), _ = KINDS[kind]
    top = {"Convolution": None, "Deconvolution": None}.get(kind, tops)
    for count in {least, least + 1 if most is None else most}:
        assert refused(tmp_path, kind, count, count if top is None else top) == []
    for count in {least - 1, least - 1 if most is None else most + 1} - {-1}:
        said = f"{kind} takes {asked(least, most, 'bottom')}, not {count}: Caffe aborts"
        assert any(it.startswith(said) for it in refused(tmp_path, kind, count, count if top is None else top))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_makes_as_many_tops_as_caffe_checks_for(tmp_path, kind):
    (bottoms, _), (least, most), _ = KINDS[kind]
    bottom = {"Convolution": None, "Deconvolution": None}.get(kind, bottoms)
    for count in {least, least + 1 if most is None else most}:
        assert refused(tmp_path, kind, count if bottom is None else bottom, count) == []
    for count in {least - 1, least - 1 if most is None else most + 1} - {-1}:
        said = f"{kind} takes {asked(least, most, 'top')}, not {count}: Caffe aborts"
        assert said in refused(tmp_path, kind, count if bottom is None else bottom, count)


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameters_of_a_layer_type_are_its_own(tmp_path, kind):
    assert LAYER_TYPES[kind].params == KINDS[kind][2]
