"""Names that public forks of Caffe add: fields, layer types, enum values, fillers, policies, solver types.

The facts come from the forks' `caffe.proto`, registered layers and fillers. Each fork has the name that its users give
it. A file that uses one of these names is valid for its fork, but BVLC Caffe aborts on it. To add a fork, add its names
here.
"""

from __future__ import annotations

from functools import cache

FIELDS = """
AccuracyParameter caffe-windows: min_is_better
BatchNormParameter Intel: bias_term filler relu stats_batch_size use_weight_bias
BatchNormParameter NVIDIA: scale_bias
BatchNormParameter NVIDIA,Intel,caffe-windows: bias_filler engine
BatchNormParameter NVIDIA,caffe-windows: scale_filler
BatchNormParameter PSPNet: update_global_stats
BatchNormParameter caffe-windows: disable_mean disable_variance
BlobProto NVIDIA: raw_data raw_data_type raw_diff raw_diff_type
ConcatParameter Intel: engine per_fla_fuse
ConvolutionParameter DeepLab: filter_stride filter_stride_h filter_stride_w
ConvolutionParameter Intel: coeff conv_algorithm fusion_type negative_slope relu
ConvolutionParameter NVIDIA: conv_algos_override
ConvolutionParameter NVIDIA,caffe-windows: cudnn_convolution_algo_seeker
ConvolutionParameter TSN: dilation_h dilation_w
ConvolutionParameter caffe-windows: shape_offset
DataParameter DeepLab: shuffle_buffer_size
DataParameter FlowNet2: block_size disk_reader_threads encoding huge_video_dataset limit_samples permute_every_iter
    preselection_file preselection_label rand_permute rand_permute_order rand_permute_seed range_end range_start
    slice_point subtract verbose
DataParameter Intel: side
DataParameter NVIDIA: cache parser_threads precache threads
DataParameter NVIDIA,Intel,TSN: shuffle
DropoutParameter NVIDIA: engine random_seed
DropoutParameter R-FCN,Faster-R-CNN: scale_train
DropoutParameter SegNet: sample_weights_test
DropoutParameter caffe-windows: sqrt_scale
ELUParameter NVIDIA: lambda
ELUParameter caffenet-benchmark: symmetric_mode
EltwiseParameter Intel: engine
FillerParameter FlowNet2: diag_val
FillerParameter Intel: scale
FillerParameter caffe-windows: alpha
ImageDataParameter DeconvNet: has_label max_labels other_object_label
ImageDataParameter DeconvNet,PSPNet: ignore_label label_type
ImageDataParameter Intel: min_height min_width
ImageDataParameter NVIDIA: cache dataset_share_per_node precache short_side threads
ImageDataParameter caffe-windows: balance_by balance_class face_mirror face_point_num face_transform label_cut_end
    label_cut_start max_aspect_ratio max_random_scale max_random_shift max_rotate_angle max_shear_ratio
    min_random_scale
InnerProductParameter Intel: engine negative_slope relu
InnerProductParameter caffe-windows: normalize
LayerParameter CRF-RNN: multi_stage_meanfield_param
LayerParameter CaffeOnSpark: cos_data_param source_class
LayerParameter DeconvNet: binary_accuracy_param eltwise_accuracy_param red_accuracy_param red_softmax_loss_param
    select_seg_binary_param window_cls_data_param
LayerParameter DeepLab: parse_evaluate_param
LayerParameter DeepLab,DeconvNet: unpooling_param
LayerParameter DeepLab,DeconvNet,caffe-windows,TSN,SegNet,PSPNet,caffenet-benchmark: bn_param
LayerParameter DeepLab,PSPNet: interp_param seg_accuracy_param
LayerParameter FlowNet2: accum_param augmentation_param black_augmentation_param coeff_schedule_param
    correlation_param downsample_param flow_warp_param l1_loss_param lpq_loss_param mean_param reader_param
    resample_param reshape_every_iter writer_param
LayerParameter NVIDIA: cudnn_param
PoolingParameter R-FCN: ceil_mode
LayerParameter Intel: engine eval_detection_param mn_activation_param mn_grad_compress_param multinode
    spatial_dropout_param split_param
LayerParameter Intel,MobileNet-YOLO: region_loss_param reorg_param
LayerParameter Intel,R-FCN: box_annotator_ohem_param
LayerParameter Intel,R-FCN,Fast-R-CNN,Faster-R-CNN,caffe-windows,TSN,caffenet-benchmark: roi_pooling_param
LayerParameter Intel,R-FCN,Faster-R-CNN: smooth_l1_loss_param
LayerParameter Intel,R-FCN,caffe-windows: psroi_pooling_param
LayerParameter Intel,Ristretto: quantization_param
LayerParameter MobileNet-YOLO: relu6_param segmentation_evaluate_param yolo_detection_output_param yolo_seg_param
    yolov3_detection_output_param yolov3_param
LayerParameter MobileNet-YOLO,SegNet: upsample_param
LayerParameter NVIDIA: backward_math backward_type cudnn_math_override debug detectnet_augmentation_param
    detectnet_groundtruth_param forward_math forward_type trt_param
LayerParameter OpenPose: cpm_transform_param imresize_param nms_param
LayerParameter PSPNet: adaptive_bias_channel_param bias_channel_param dense_crf_param domain_transform_param
    mat_read_param mat_write_param unique_label_param
LayerParameter SSD,DeepLab,NVIDIA,Intel,MobileNet-YOLO: norm_param
LayerParameter SSD,NVIDIA,Intel,MobileNet-YOLO: annotated_data_param detection_evaluate_param detection_output_param
    multibox_loss_param prior_box_param
LayerParameter SSD,NVIDIA,Intel,TSN: video_data_param
LayerParameter SegNet: dense_image_data_param
LayerParameter ShuffleNet: shuffle_channel_param
LayerParameter SphereFace,caffe-windows: margin_inner_product_param
LayerParameter TSN: batch_reduction_param seg_data_param
LayerParameter caffe-face,caffe-windows: center_loss_param
LayerParameter caffe-model: selu_dropout_param
LayerParameter caffe-windows: batch_contrastive_loss_param channel_scale_param confidence_penalty_loss_param
    exp_triplet_loss_param fcn_data_param feature_decay_loss_param flip_param focal_loss_param
    general_contrastive_loss_param general_triplet_loss_param hotspot_param infimum_loss_param inner_distance_param
    insanity_param label_specific_add_param label_specific_affine_param label_specific_hard_margin_param
    label_specific_margin_param label_specific_rescale_param label_specific_statistics_param
    largemargin_inner_product_param mil_data_param mil_param nca_param noise_param normalize_param
    ordinal_regression_loss_param pairwise_param predict_box_param proposal_param resize_param smoothl1_param
    soft_contrastive_loss_param soft_truncation_param sub_region_param truncation_param
LayerParameter caffe-windows,caffenet-benchmark: eltwise_affine_param local_param triplet_loss_param
LayerParameter caffenet-benchmark: apl_param image_loc_data_param rrelu_param
LossParameter Intel,R-FCN: pre_fixed_normalizer
LossParameter NVIDIA,Intel: label_smoothing
LossParameter SegNet: class_weighting weight_by_label_freqs
MemoryDataParameter CaffeOnSpark: share_in_parallel source
MemoryDataParameter caffe-windows: transpose
NetParameter Intel: bn_stats_batch_size compile_net_state engine multinode
NetParameter NVIDIA: default_backward_math default_backward_type default_conv_algos_override
    default_cudnn_math_override default_forward_math default_forward_type eltwise_mem_sharing global_grad_scale
    global_grad_scale_adaptive reduce_buckets
NetParameter TSN: mem_param
ParamSpec caffe-windows: fix_lr
ParameterParameter caffe-windows: blob_filler
PoolingParameter DeepLab: bin_h bin_size bin_w
PoolingParameter Intel: avg_include_pad axis kernel_size_3d pad_3d stride_3d
PoolingParameter NVIDIA: torch_pooling
PoolingParameter caffe-windows: blobs_a_min blobs_lr
ReLUParameter Intel: fuse
ReductionParameter TSN: k
ReshapeParameter Intel: pixelshuffler
ScaleParameter caffe-windows: max_value min_value
SoftmaxParameter caffe-windows: class_weight cutting_point hard_mining_label hard_ratio label_smooth_factor margin
    normalize_type
SolverParameter DeepLab: log_avg_gradient_norm test_before_snapshot
SolverParameter Intel: disabled_update engine local_gw_ratio local_lr_auto test_offset warmup_iter warmup_start_lr
SolverParameter Intel,MobileNet-YOLO: stageiter stagelr
SolverParameter NVIDIA: larc larc_eta larc_policy larc_turbo max_momentum max_weight_decay min_lr momentum_policy
    momentum_power per_parameter_reduce rampup_interval rampup_lr solver_data_type store_blobs_in_old_format
    test_and_snapshot_last_epochs weight_decay_policy weight_decay_power
SolverParameter SSD,DeepLab,NVIDIA,Intel,MobileNet-YOLO: eval_type
SolverParameter SSD,NVIDIA,Intel,MobileNet-YOLO: ap_version plateau_winsize show_per_class_result
SolverParameter TSN: group_id richness
SolverParameter caffe-windows: clamp_weights_lower clamp_weights_upper clip_weights
TransformationParameter DeepLab,caffenet-benchmark: random_90_deg_rot vertical_mirror
TransformationParameter Intel: bgr2rgb flow pad random_aspect_ratio_param random_resize_param
TransformationParameter MobileNet-YOLO: apply_probability contrast_brightness_adjustment cvt_bgr2rgb debug_params
    enable_classf_aug max_brightness_shift max_color_shift max_contrast max_rotation_angle max_scaling_factor
    max_smooth min_contrast min_scaling_factor min_side min_side_max min_side_min smooth_filtering
TransformationParameter NVIDIA: allow_upscale display forward_packing horizontal_stretch_lower
    horizontal_stretch_upper img_rand_resize_lower img_rand_resize_upper interpolation_algo_down
    interpolation_algo_up num_labels rand_resize_ratio_lower rand_resize_ratio_upper random_seed use_gpu_transform
    vertical_stretch_lower vertical_stretch_upper
TransformationParameter OpenPose: aug_way bbox_norm_factor center_perterb_max clahe_clip_limit clahe_tile_size
    coverage crop_size_x crop_size_y do_clahe flip_prob gray img_header max_cvg_len max_rotate_degree min_cvg_len
    np_in_lmdb num_parts num_total_augs opaque_coverage scale_cvg scale_prob sigma sigma_center target_dist
    transform_body_joint visualize
TransformationParameter OpenPose,TSN: stride
TransformationParameter PSPNet: crop_height crop_width scale_factors
TransformationParameter SSD,DeepLab,NVIDIA,Intel,MobileNet-YOLO,caffenet-benchmark: noise_param resize_param
TransformationParameter SSD,NVIDIA,Intel,MobileNet-YOLO: distort_param emit_constraint expand_param
TransformationParameter SSD,NVIDIA,Intel,MobileNet-YOLO,caffe-windows,caffenet-benchmark: crop_h crop_w
TransformationParameter TSN: fix_crop is_flow max_distort more_fix_crop multi_scale original_image scale_ratios
    upper_height upper_size upper_width
TransformationParameter caffe-windows: aspect_max aspect_min center_crop erase_ratio
TransformationParameter caffe-windows,OpenPose: scale_max scale_min
TransformationParameter caffenet-benchmark: random_crop_on_test
V1LayerParameter MobileNet-YOLO: relu6_param
V1LayerParameter caffe-windows: bn_param eltwise_affine_param insanity_param local_param noise_param prelu_param
    roi_pooling_param sub_region_param triplet_loss_param
"""
TYPES = """
CRF-RNN: MultiStageMeanfield
CaffeOnSpark: CosinDistance CoSData
DeepLab: Grouping ParseEvaluate ParseOutput UnPooling
DeepLab,DeconvNet,caffe-windows,TSN,SegNet,PSPNet,caffenet-benchmark: BN
FlowNet2: Accum BlackAugmentation ChannelNorm Correlation Correlation1D CustomData DataAugmentation DisparityData
    Downsample FLOWriter FloatReader FloatWriter FlowAugmentation FlowWarp GenerateAugmentationParameters ImgReader
    ImgWriter LpqLoss Mean NegReLU PFMWriter Resample
Intel: BoxData EvalDetection MKLBatchNorm MnActivation SmoothL1LossOHEM SoftmaxWithLossOHEM SpatialDropout
Intel,MobileNet-YOLO: RegionLoss Reorg
Intel,R-FCN: BoxAnnotatorOHEM
Intel,R-FCN,Fast-R-CNN,Faster-R-CNN,caffe-windows,TSN,caffenet-benchmark: ROIPooling
Intel,R-FCN,caffe-windows: PSROIPooling
MobileNet-YOLO: AssistedExcitation DepthwiseConvolution GaussianYolov3 LaneData ReLU6 SegmentationEvaluate
    YoloDetectionOutput YoloSeg Yolov3 Yolov3DetectionOutput
MobileNet-YOLO,SegNet: Upsample
NVIDIA: DetectNetTransformation TRT
NVIDIA,FlowNet2: L1Loss
NVIDIA,Intel,MobileNet-YOLO,caffe-windows: Axpy
OpenPose: CPMData EuclideanmaskLoss ImResize Maximum Nms
PSPNet: AdaptiveBiasChannel BiasChannel DenseCRF DomainTransform DomainTransformForwardOnly ImageSegData Interp
    MatRead MatWrite SegAccuracy SpatialProduct UniqueLabel
Ristretto: ConvolutionRistretto DeconvolutionRistretto FcRistretto LRNRistretto
SSD,DeepLab,NVIDIA,Intel,MobileNet-YOLO,caffe-windows,TSN,caffenet-benchmark: Normalize
SSD,NVIDIA,Intel,MobileNet-YOLO: AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss PriorBox
SSD,NVIDIA,Intel,MobileNet-YOLO,caffe-windows: Permute
SSD,NVIDIA,Intel,R-FCN,Fast-R-CNN,Faster-R-CNN,MobileNet-YOLO,caffe-windows,TSN,caffenet-benchmark: SmoothL1Loss
SSD,NVIDIA,Intel,TSN: VideoData
SegNet: DenseImageData
ShuffleNet: ShuffleChannel ConvolutionDepthwise
SphereFace,caffe-windows: MarginInnerProduct
TSN: BatchReduction Gather Scatter SegData SyncBN
caffe-face,caffe-windows: CenterLoss
caffe-model: SELUDropout
caffe-windows: Arccos BatchContrastiveLoss ChannelScale ConfidencePenaltyLoss CorrelationLoss Cosine FCNAccuracy
    FeatureDecayLoss Flip FocalLoss GeneralContrastiveLoss GeneralTripletLoss GlobalLSEMargin Gram Hotspot
    InnerDistance Insanity LabelSpecificAdd LabelSpecificAffine LabelSpecificHardMargin LabelSpecificMargin
    LabelSpecificRescale LabelSpecificStatistics LargeMarginInnerProduct MovingNormalize MultiLabelImageData NCALoss
    Noise Pairwise PredictBox Proposal RadialRemovalMargin Resize Slope SoftContrastiveLoss SoftTruncation SubRegion
    Truncation
caffe-windows,caffenet-benchmark: EltwiseAffine Local Transformer TripletLoss
caffenet-benchmark: Covariance EuclideanLossWithIndex ImageLocData RReLU APL
"""
VALUES = """
DB DeepLab: DATUMFILE
EltwiseOp TSN: STOCHASTIC_SUM
EltwiseOp caffe-windows: SORT
Engine Intel: MKL2017 MKLDNN
LayerType DeconvNet: BIN_ACCURACY DROPOUT_CHANNEL ELTWISE_ACCURACY IMAGE_SEG_DATA RED_ACCURACY RED_SOFTMAX_LOSS
    SELECT_SEG_BINARY UNPOOLING WINDOW_CLS_DATA WINDOW_INST_SEG_DATA WINDOW_SEG_BINARY WINDOW_SEG_DATA
LayerType DeconvNet,caffe-windows: BN
LayerType DeepLab: PARSE_EVALUATE PARSE_OUTPUT
LayerType DeepLab,DeconvNet: CROP
LayerType MobileNet-YOLO: RELU6
LayerType caffe-windows: BATCH_NORM ELTWISE_AFFINE INSANITY LOCAL NORMALIZE ROIPOOLING TRIPLET_LOSS
NormalizationMode Intel,R-FCN: PRE_FIXED
PoolMethod caffe-windows: DEF DEF_ALL DEF_ALL2 DEF_ALL3 DEF_ALL4 LOWRES
ReductionOp TSN: TOPK
SolverType NVIDIA: SAG
"""

REPEATED = """
SolverParameter TSN: device_id
"""
"""Fields that are repeated in some forks but not in BVLC Caffe; the schema declares them as repeated."""
FILLERS = """
NVIDIA: gaussianstatic positive_unitballstatic uniformstatic xavierstatic msrastatic bilinearstatic
DeepLab: bilinear_upsampling
Intel: gabor
caffe-windows: identity gaussian_unitball
OpenPose: bicubic
FlowNet2: diagonal
"""
POLICIES = """
SSD,Intel: plateau
Intel,MobileNet-YOLO: multifixed
"""
SOLVERS = """
NVIDIA: SAG
"""
"""Solver types by fork."""
MOST_BOTTOMS = """
caffe-windows: InnerProduct=3
"""
"""Maximum number of bottoms of BVLC Caffe's layer types in forks that take more: here weights and biases.

Each row of the tables above is "FORK,FORK: NAME NAME"; in FIELDS, VALUES and REPEATED, the message or enum precedes the
forks.
"""

Forks = tuple[str, ...]


def forks_with(field: str, owner: str) -> Forks:
    """Return the forks in which the message `owner` has the field."""
    return _forks_by_owner(FIELDS).get((owner, field), ())


def forks_of_type(kind: str) -> Forks:
    """Return the forks that have the layer type."""
    return _forks_by_name(TYPES).get(kind, ())


def forks_of_value(enum: str, value: str) -> Forks:
    """Return the forks in which the enum has the value."""
    return _forks_by_owner(VALUES).get((enum, value), ())


def forks_repeating(field: str, owner: str) -> Forks:
    """Return the forks in which the field of the message `owner` is repeated."""
    return _forks_by_owner(REPEATED).get((owner, field), ())


def values_of_forks(enum: str) -> list[str]:
    """Return the values of an enum that only forks have."""
    return [value for owner, value in _forks_by_owner(VALUES) if owner == enum]


def forks_with_bottoms(kind: str, count: int) -> Forks:
    """Return the forks in which a layer type of BVLC Caffe takes this many bottoms, and in BVLC Caffe fewer."""
    for entry, forks in _forks_by_name(MOST_BOTTOMS).items():
        name, _, most = entry.partition("=")
        if name == kind and count <= int(most):
            return forks
    return ()


def forks_of_filler(name: str) -> Forks:
    return _forks_by_name(FILLERS).get(name, ())


def forks_of_policy(name: str) -> Forks:
    return _forks_by_name(POLICIES).get(name, ())


def forks_of_solver(name: str) -> Forks:
    return _forks_by_name(SOLVERS).get(name, ())


@cache
def fork_names() -> tuple[str, ...]:
    """Return the names of all forks."""
    tables = [*_forks_by_owner(FIELDS).values(), *_forks_by_name(TYPES).values(), *_forks_by_owner(VALUES).values()]
    return tuple(sorted({name for forks in tables for name in forks}, key=str.lower))


def _entries(table: str) -> list[tuple[str, list[str]]]:
    lines = table.replace("\n    ", " ").strip().splitlines()
    return [(head, names.split()) for head, _, names in (line.partition(": ") for line in lines)]


@cache
def _forks_by_name(table: str) -> dict[str, Forks]:
    return {name: tuple(head.split(",")) for head, names in _entries(table) for name in names}


@cache
def _forks_by_owner(table: str) -> dict[tuple[str, str], Forks]:
    result: dict[tuple[str, str], Forks] = {}
    for head, names in _entries(table):
        owner, _, forks = head.partition(" ")
        result.update({(owner, name): tuple(forks.split(",")) for name in names})
    return result
