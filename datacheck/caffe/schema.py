"""The schema of Caffe's prototxt: the fields of each message with their types, defaults and numbers.

The facts come from BVLC Caffe's `caffe.proto`. A field is written `name type number`. After the type, `*` means
repeated, `!` required, and `=value` is a default other than zero. `permute_param` is a field of the SSD fork; it is
included so that shapes can be inferred beyond a Permute layer. `datacheck.caffe.messages` builds protobuf messages from
this schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from datacheck.caffe.forks import values_of_forks

ENUMS = """
VarianceNorm: FAN_IN FAN_OUT AVERAGE
SnapshotFormat: HDF5 BINARYPROTO
SolverMode: CPU GPU
SolverType: SGD NESTEROV ADAGRAD RMSPROP ADADELTA ADAM
Phase: TRAIN TEST
DimCheckMode: STRICT PERMISSIVE
NormalizationMode: FULL VALID BATCH_SIZE NONE
Engine: DEFAULT CAFFE CUDNN
DB: LEVELDB LMDB
EltwiseOp: PROD SUM MAX
Norm: L1=1 L2=2
NormRegion: ACROSS_CHANNELS WITHIN_CHANNEL
PoolMethod: MAX AVE STOCHASTIC
RoundMode: CEIL FLOOR
ReductionOp: SUM=1 ASUM=2 SUMSQ=3 MEAN=4
LayerType: NONE=0 ABSVAL=35 ACCURACY=1 ARGMAX=30 BNLL=2 CONCAT=3 CONTRASTIVE_LOSS=37 CONVOLUTION=4 DATA=5
    DECONVOLUTION=39 DROPOUT=6 DUMMY_DATA=32 EUCLIDEAN_LOSS=7 ELTWISE=25 EXP=38 FLATTEN=8 HDF5_DATA=9 HDF5_OUTPUT=10
    HINGE_LOSS=28 IM2COL=11 IMAGE_DATA=12 INFOGAIN_LOSS=13 INNER_PRODUCT=14 LRN=15 MEMORY_DATA=29
    MULTINOMIAL_LOGISTIC_LOSS=16 MVN=34 POOLING=17 POWER=26 RELU=18 SIGMOID=19 SIGMOID_CROSS_ENTROPY_LOSS=27
    SILENCE=36 SOFTMAX=20 SOFTMAX_LOSS=21 SPLIT=22 SLICE=33 TANH=23 WINDOW_DATA=24 THRESHOLD=31
"""
MESSAGES = """
BlobShape: dim int64* 1
BlobProto: shape BlobShape 7, data float* 5, diff float* 6, double_data double* 8, double_diff double* 9,
    num int32 1, channels int32 2, height int32 3, width int32 4
FillerParameter: type string=constant 1, value float 2, min float 3, max float=1 4, mean float 5, std float=1 6,
    sparse int32=-1 7, variance_norm VarianceNorm=FAN_IN 8
NetParameter: name string 1, input string* 3, input_shape BlobShape* 8, input_dim int32* 4, force_backward bool 5,
    state NetState 6, debug_info bool 7, layer LayerParameter* 100, layers V1LayerParameter* 2
SolverParameter: net string 24, net_param NetParameter 25, train_net string 1, test_net string* 2,
    train_net_param NetParameter 21, test_net_param NetParameter* 22, train_state NetState 26,
    test_state NetState* 27, test_iter int32* 3, test_interval int32 4, test_compute_loss bool 19,
    test_initialization bool=true 32, base_lr float 5, display int32 6, average_loss int32=1 33, max_iter int32 7,
    iter_size int32=1 36, lr_policy string 8, gamma float 9, power float 10, momentum float 11,
    weight_decay float 12, regularization_type string=L2 29, stepsize int32 13, stepvalue int32* 34,
    clip_gradients float=-1 35, snapshot int32 14, snapshot_prefix string 15, snapshot_diff bool 16,
    snapshot_format SnapshotFormat=BINARYPROTO 37, solver_mode SolverMode=GPU 17, device_id int32* 18,
    random_seed int64=-1 20, type string=SGD 40, delta float=1e-8 31, momentum2 float=0.999 39,
    rms_decay float=0.99 38, debug_info bool 23, snapshot_after_train bool=true 28, solver_type SolverType=SGD 30,
    layer_wise_reduce bool=true 41, weights string* 42
NetState: phase Phase=TEST 1, level int32 2, stage string* 3
NetStateRule: phase Phase 1, min_level int32 2, max_level int32 3, stage string* 4, not_stage string* 5
ParamSpec: name string 1, share_mode DimCheckMode 2, lr_mult float=1.0 3, decay_mult float=1.0 4
LayerParameter: name string 1, type string 2, bottom string* 3, top string* 4, phase Phase 10, loss_weight float* 5,
    param ParamSpec* 6, blobs BlobProto* 7, propagate_down bool* 11, include NetStateRule* 8,
    exclude NetStateRule* 9, transform_param TransformationParameter 100, loss_param LossParameter 101,
    accuracy_param AccuracyParameter 102, argmax_param ArgMaxParameter 103, batch_norm_param BatchNormParameter 139,
    bias_param BiasParameter 141, clip_param ClipParameter 148, concat_param ConcatParameter 104,
    contrastive_loss_param ContrastiveLossParameter 105, convolution_param ConvolutionParameter 106,
    crop_param CropParameter 144, data_param DataParameter 107, dropout_param DropoutParameter 108,
    dummy_data_param DummyDataParameter 109, eltwise_param EltwiseParameter 110, elu_param ELUParameter 140,
    embed_param EmbedParameter 137, exp_param ExpParameter 111, flatten_param FlattenParameter 135,
    hdf5_data_param HDF5DataParameter 112, hdf5_output_param HDF5OutputParameter 113,
    hinge_loss_param HingeLossParameter 114, image_data_param ImageDataParameter 115,
    infogain_loss_param InfogainLossParameter 116, inner_product_param InnerProductParameter 117,
    input_param InputParameter 143, log_param LogParameter 134, lrn_param LRNParameter 118,
    memory_data_param MemoryDataParameter 119, mvn_param MVNParameter 120, parameter_param ParameterParameter 145,
    pooling_param PoolingParameter 121, power_param PowerParameter 122, prelu_param PReLUParameter 131,
    python_param PythonParameter 130, recurrent_param RecurrentParameter 146,
    reduction_param ReductionParameter 136, relu_param ReLUParameter 123, reshape_param ReshapeParameter 133,
    scale_param ScaleParameter 142, sigmoid_param SigmoidParameter 124, softmax_param SoftmaxParameter 125,
    spp_param SPPParameter 132, slice_param SliceParameter 126, swish_param SwishParameter 147,
    tanh_param TanHParameter 127, threshold_param ThresholdParameter 128, tile_param TileParameter 138,
    window_data_param WindowDataParameter 129, permute_param PermuteParameter 202
TransformationParameter: scale float=1 1, mirror bool 2, crop_size uint32 3, mean_file string 4,
    mean_value float* 5, force_color bool 6, force_gray bool 7
LossParameter: ignore_label int32 1, normalization NormalizationMode=VALID 3, normalize bool 2
AccuracyParameter: top_k uint32=1 1, axis int32=1 2, ignore_label int32 3
ArgMaxParameter: out_max_val bool 1, top_k uint32=1 2, axis int32 3
ClipParameter: min float! 1, max float! 2
ConcatParameter: axis int32=1 2, concat_dim uint32=1 1
BatchNormParameter: use_global_stats bool 1, moving_average_fraction float=.999 2, eps float=1e-5 3
BiasParameter: axis int32=1 1, num_axes int32=1 2, filler FillerParameter 3
ContrastiveLossParameter: margin float=1.0 1, legacy_version bool 2
ConvolutionParameter: num_output uint32 1, bias_term bool=true 2, pad uint32* 3, kernel_size uint32* 4,
    stride uint32* 6, dilation uint32* 18, pad_h uint32 9, pad_w uint32 10, kernel_h uint32 11, kernel_w uint32 12,
    stride_h uint32 13, stride_w uint32 14, group uint32=1 5, weight_filler FillerParameter 7,
    bias_filler FillerParameter 8, engine Engine=DEFAULT 15, axis int32=1 16, force_nd_im2col bool 17
CropParameter: axis int32=2 1, offset uint32* 2
DataParameter: source string 1, batch_size uint32 4, rand_skip uint32 7, backend DB=LEVELDB 8, scale float=1 2,
    mean_file string 3, crop_size uint32 5, mirror bool 6, force_encoded_color bool 9, prefetch uint32=4 10
DropoutParameter: dropout_ratio float=0.5 1
DummyDataParameter: data_filler FillerParameter* 1, shape BlobShape* 6, num uint32* 2, channels uint32* 3,
    height uint32* 4, width uint32* 5
EltwiseParameter: operation EltwiseOp=SUM 1, coeff float* 2, stable_prod_grad bool=true 3
ELUParameter: alpha float=1 1
EmbedParameter: num_output uint32 1, input_dim uint32 2, bias_term bool=true 3, weight_filler FillerParameter 4,
    bias_filler FillerParameter 5
ExpParameter: base float=-1.0 1, scale float=1.0 2, shift float 3
FlattenParameter: axis int32=1 1, end_axis int32=-1 2
HDF5DataParameter: source string 1, batch_size uint32 2, shuffle bool 3
HDF5OutputParameter: file_name string 1
HingeLossParameter: norm Norm=L1 1
ImageDataParameter: source string 1, batch_size uint32=1 4, rand_skip uint32 7, shuffle bool 8, new_height uint32 9,
    new_width uint32 10, is_color bool=true 11, scale float=1 2, mean_file string 3, crop_size uint32 5,
    mirror bool 6, root_folder string 12
InfogainLossParameter: source string 1, axis int32=1 2
InnerProductParameter: num_output uint32 1, bias_term bool=true 2, weight_filler FillerParameter 3,
    bias_filler FillerParameter 4, axis int32=1 5, transpose bool 6
InputParameter: shape BlobShape* 1
LogParameter: base float=-1.0 1, scale float=1.0 2, shift float 3
LRNParameter: local_size uint32=5 1, alpha float=1. 2, beta float=0.75 3, norm_region NormRegion=ACROSS_CHANNELS 4,
    k float=1. 5, engine Engine=DEFAULT 6
MemoryDataParameter: batch_size uint32 1, channels uint32 2, height uint32 3, width uint32 4
MVNParameter: normalize_variance bool=true 1, across_channels bool 2, eps float=1e-9 3
ParameterParameter: shape BlobShape 1
PoolingParameter: pool PoolMethod=MAX 1, pad uint32 4, pad_h uint32 9, pad_w uint32 10, kernel_size uint32 2,
    kernel_h uint32 5, kernel_w uint32 6, stride uint32=1 3, stride_h uint32 7, stride_w uint32 8,
    engine Engine=DEFAULT 11, global_pooling bool 12, round_mode RoundMode=CEIL 13
PowerParameter: power float=1.0 1, scale float=1.0 2, shift float 3
PythonParameter: module string 1, layer string 2, param_str string 3, share_in_parallel bool 4
RecurrentParameter: num_output uint32 1, weight_filler FillerParameter 2, bias_filler FillerParameter 3,
    debug_info bool 4, expose_hidden bool 5
ReductionParameter: operation ReductionOp=SUM 1, axis int32 2, coeff float=1.0 3
ReLUParameter: negative_slope float 1, engine Engine=DEFAULT 2
ReshapeParameter: shape BlobShape 1, axis int32 2, num_axes int32=-1 3
ScaleParameter: axis int32=1 1, num_axes int32=1 2, filler FillerParameter 3, bias_term bool 4,
    bias_filler FillerParameter 5
SigmoidParameter: engine Engine=DEFAULT 1
SliceParameter: axis int32=1 3, slice_point uint32* 2, slice_dim uint32=1 1
SoftmaxParameter: engine Engine=DEFAULT 1, axis int32=1 2
SwishParameter: beta float=1 1
TanHParameter: engine Engine=DEFAULT 1
TileParameter: axis int32=1 1, tiles int32 2
ThresholdParameter: threshold float 1
WindowDataParameter: source string 1, scale float=1 2, mean_file string 3, batch_size uint32 4, crop_size uint32 5,
    mirror bool 6, fg_threshold float=0.5 7, bg_threshold float=0.5 8, fg_fraction float=0.25 9,
    context_pad uint32 10, crop_mode string=warp 11, cache_images bool 12, root_folder string 13
SPPParameter: pyramid_height uint32 1, pool PoolMethod=MAX 2, engine Engine=DEFAULT 6
V1LayerParameter: bottom string* 2, top string* 3, name string 4, include NetStateRule* 32,
    exclude NetStateRule* 33, type LayerType 5, blobs BlobProto* 6, param string* 1001,
    blob_share_mode DimCheckMode* 1002, blobs_lr float* 7, weight_decay float* 8, loss_weight float* 35,
    accuracy_param AccuracyParameter 27, argmax_param ArgMaxParameter 23, concat_param ConcatParameter 9,
    contrastive_loss_param ContrastiveLossParameter 40, convolution_param ConvolutionParameter 10,
    data_param DataParameter 11, dropout_param DropoutParameter 12, dummy_data_param DummyDataParameter 26,
    eltwise_param EltwiseParameter 24, exp_param ExpParameter 41, hdf5_data_param HDF5DataParameter 13,
    hdf5_output_param HDF5OutputParameter 14, hinge_loss_param HingeLossParameter 29,
    image_data_param ImageDataParameter 15, infogain_loss_param InfogainLossParameter 16,
    inner_product_param InnerProductParameter 17, lrn_param LRNParameter 18,
    memory_data_param MemoryDataParameter 22, mvn_param MVNParameter 34, pooling_param PoolingParameter 19,
    power_param PowerParameter 21, relu_param ReLUParameter 30, sigmoid_param SigmoidParameter 38,
    softmax_param SoftmaxParameter 39, slice_param SliceParameter 31, tanh_param TanHParameter 37,
    threshold_param ThresholdParameter 25, window_data_param WindowDataParameter 20,
    transform_param TransformationParameter 36, loss_param LossParameter 42, layer V0LayerParameter 1
V0LayerParameter: name string 1, type string 2, num_output uint32 3, biasterm bool=true 4,
    weight_filler FillerParameter 5, bias_filler FillerParameter 6, pad uint32 7, kernelsize uint32 8,
    group uint32=1 9, stride uint32=1 10, pool PoolMethod=MAX 11, dropout_ratio float=0.5 12,
    local_size uint32=5 13, alpha float=1. 14, beta float=0.75 15, k float=1. 22, source string 16,
    scale float=1 17, meanfile string 18, batchsize uint32 19, cropsize uint32 20, mirror bool 21,
    blobs BlobProto* 50, blobs_lr float* 51, weight_decay float* 52, rand_skip uint32 53,
    det_fg_threshold float=0.5 54, det_bg_threshold float=0.5 55, det_fg_fraction float=0.25 56,
    det_context_pad uint32 58, det_crop_mode string=warp 59, new_num int32 60, new_channels int32 61,
    new_height int32 62, new_width int32 63, shuffle_images bool 64, concat_dim uint32=1 65,
    hdf5_output_param HDF5OutputParameter 1001
PReLUParameter: filler FillerParameter 1, channel_shared bool 2
PermuteParameter: order uint32* 1
"""


@dataclass(frozen=True)
class Field:
    """A field of a message; `type` is a scalar protobuf type, or the name of an enum or message of the schema."""

    name: str
    type: str
    number: int
    repeated: bool
    required: bool
    default: str | None


@cache
def enums() -> dict[str, dict[str, int]]:
    """Return the values of each enum, with their numbers, by the enum's name.

    A value without a number in ENUMS has its position, from 0. Values that only forks have come last, with numbers from
    FORKS_FROM on, so that files that use them can be parsed.
    """
    result: dict[str, dict[str, int]] = {}
    for name, text in _entries(ENUMS):
        pairs = [word.partition("=") for word in text.split()]
        result[name] = {value: int(number or position) for position, (value, _, number) in enumerate(pairs)}
        result[name].update({value: FORKS_FROM + position for position, value in enumerate(values_of_forks(name))})
    return result


FORKS_FROM = 1000
"""First number for the enum values that only forks have."""


@cache
def messages() -> dict[str, dict[str, Field]]:
    """Return the fields of each message by name."""
    return {name: {it.name: it for it in map(_field, text.split(", "))} for name, text in _entries(MESSAGES)}


def _entries(text: str) -> list[tuple[str, str]]:
    lines = text.replace("\n    ", " ").strip().splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(":") for line in lines)]


def _field(text: str) -> Field:
    name, kind, number = text.split()
    kind, _, default = kind.partition("=")
    return Field(name, kind.rstrip("*!"), int(number), kind.endswith("*"), kind.endswith("!"), default or None)
