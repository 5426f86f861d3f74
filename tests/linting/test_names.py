"""Test names of fields, fillers and policies: those that Caffe has, and what is suggested for those that it lacks."""

import pytest

import datacheck

HEAD = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 9 } } }\n'
SOLVER = 'net: "net.prototxt"\nmax_iter: 100\ndisplay: 1\nsnapshot_prefix: "s"\n'


def lint(folder, text, name="net.prototxt"):
    (folder / "net.prototxt").write_text(HEAD)
    (folder / name).write_text(text)
    return list(datacheck.lint(folder / name).findings)


@pytest.mark.parametrize(
    ("kind", "param", "written", "meant"),
    [
        ("Convolution", "convolution_param", "kernel", "kernel_size"),
        ("Convolution", "convolution_param", "padding", "pad"),
        ("Convolution", "convolution_param", "strides", "stride"),
        ("Convolution", "convolution_param", "groups", "group"),
        ("Convolution", "convolution_param", "channels", "num_output"),
        ("Convolution", "convolution_param", "dilate", "dilation"),
        ("Pooling", "pooling_param", "kernel", "kernel_size"),
        ("Pooling", "pooling_param", "padding", "pad"),
        ("Data", "data_param", "batch", "batch_size"),
        ("Dropout", "dropout_param", "ratio", "dropout_ratio"),
        ("Data", "transform_param", "crop", "crop_size"),
        ("Data", "transform_param", "mean", "mean_value"),
    ],
)
def test_what_was_meant_by_a_field_of_a_layer(tmp_path, kind, param, written, meant):
    text = f'layer {{ name: "it" type: "{kind}" bottom: "data" top: "it" {param} {{ {written}: 1 }} }}\n'
    (finding,) = [it for it in lint(tmp_path, HEAD + text) if it.code == "unknown-field"]
    assert f"has no field {written!r}: Caffe aborts when it parses the file" in finding.message
    assert meant in finding.details["fix"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("learning_rate", "base_lr"),
        ("lr", "base_lr"),
        ("policy", "lr_policy"),
        ("max_iterations", "max_iter"),
        ("batch_size", "iter_size"),
    ],
)
def test_what_was_meant_by_a_field_of_a_solver(tmp_path, written, meant):
    found = lint(tmp_path, f'{SOLVER}base_lr: 1\nlr_policy: "fixed"\n{written}: 1\n', "solver.prototxt")
    (finding,) = [it for it in found if it.code == "unknown-field"]
    assert f"SolverParameter has no field {written!r}" in finding.message
    assert meant in finding.details["fix"]


FORKS = [
    ("SSD", "", "annotated_data_param detection_output_param multibox_loss_param norm_param prior_box_param"),
    ("SSD", "transform_param", "resize_param distort_param expand_param"),
    ("SegNet", "", "bn_param dense_image_data_param upsample_param"),
    ("R-FCN", "", "psroi_pooling_param box_annotator_ohem_param"),
    ("R-FCN", "pooling_param", "ceil_mode"),
    ("NVIDIA", "", "cudnn_param forward_type"),
    ("NVIDIA", "batch_norm_param", "scale_bias scale_filler"),
    ("DeepLab", "", "interp_param seg_accuracy_param"),
    ("PSPNet", "", "interp_param"),
    ("Fast-R-CNN", "", "roi_pooling_param"),
    ("Faster-R-CNN", "", "smooth_l1_loss_param"),
    ("Faster-R-CNN", "dropout_param", "scale_train"),
    ("Intel", "convolution_param", "relu fusion_type"),
    ("TSN", "transform_param", "fix_crop more_fix_crop is_flow multi_scale scale_ratios"),
]


@pytest.mark.parametrize(
    ("fork", "inside", "name"), [(fork, inside, name) for fork, inside, names in FORKS for name in names.split()]
)
def test_a_field_of_a_fork_is_told_with_the_fork(tmp_path, fork, inside, name):
    field = f"{inside} {{ {name} {{ }} }}" if inside else f"{name} {{ }}"
    text = f'{HEAD}layer {{ name: "it" type: "Other" bottom: "data" top: "it" {field} }}\n'
    (finding,) = [it for it in lint(tmp_path, text) if it.code == "unknown-field"]
    assert f"has the field {name!r} in a fork (" in finding.message
    assert fork in finding.message.partition("(")[2].partition(")")[0].split(", ")
    assert (finding.verdict, finding.details["fix"]) == ("suspicious", "train with that fork")


@pytest.mark.parametrize(
    ("filler", "known"),
    [
        *((name, True) for name in ("constant", "gaussian", "positive_unitball", "uniform", "xavier", "msra")),
        *((name, False) for name in ("Xavier", "he", "normal", "zeros", "glorot")),
    ],
)
def test_a_filler_is_one_that_caffe_has(tmp_path, filler, known):
    inside = f'inner_product_param {{ num_output: 2 weight_filler {{ type: "{filler}" std: 0.01 min: -1 max: 1 }} }}'
    text = f'{HEAD}layer {{ name: "it" type: "InnerProduct" bottom: "data" top: "it" {inside} }}\n'
    found = [it.message for it in lint(tmp_path, text) if it.key == "it" and filler in it.message]
    assert bool(found) != known


@pytest.mark.parametrize(
    ("policy", "inside"),
    [
        ("fixed", ""),
        ("step", "gamma: 0.1 stepsize: 30"),
        ("exp", "gamma: 0.99"),
        ("inv", "gamma: 0.001 power: 0.75"),
        ("multistep", "gamma: 0.1 stepvalue: 30 stepvalue: 60"),
        ("poly", "power: 1"),
        ("sigmoid", "gamma: 0.01 stepsize: 50"),
    ],
)
def test_a_policy_is_one_that_caffe_has(tmp_path, policy, inside):
    text = f'{SOLVER}base_lr: 0.01\nlr_policy: "{policy}"\n{inside}\n'
    assert [it.message for it in lint(tmp_path, text, "solver.prototxt") if it.verdict == "bad"] == []
    wrong = text.replace(f'"{policy}"', f'"{policy}s"')
    found = [it for it in lint(tmp_path, wrong, "solver.prototxt") if f"{policy}s" in it.message]
    assert [it.verdict for it in found] == ["bad"]
    assert f'lr_policy: "{policy}"' in found[0].details["fix"]
