"""Test networks for a fork that is not known: its versions of Caffe's layers may take more bottoms and tops."""

import pytest

import datacheck

INPUT = "".join(
    f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ dim: 4 dim: 3 }} }} }}\n'
    for name in ("x", "target", "weight")
)
POOLING = 'layer { name: "m" type: "MaskPooling" bottom: "x" top: "m" }\n'
OF_A_FORK = 'layer { name: "m" type: "Interp" bottom: "x" top: "m" }\n'
OWN = 'layer { name: "m" type: "TanH" bottom: "x" top: "m" }\n'


def loss(bottoms):
    names = "".join(f' bottom: "{it}"' for it in bottoms.split())
    return f'layer {{ name: "loss" type: "SigmoidCrossEntropyLoss"{names} top: "loss" }}\n'


@pytest.mark.parametrize(
    ("before", "bottoms", "verdict"),
    [
        (POOLING, "m target weight", "suspicious"),
        (POOLING, "m target", None),
        (POOLING, "m", "bad"),
        (OF_A_FORK, "m target weight", "bad"),
        (OWN, "m target weight", "bad"),
    ],
)
def test_bottoms_of_a_layer_of_caffe(tmp_path, before, bottoms, verdict):
    (tmp_path / "net.prototxt").write_text(INPUT + before + loss(bottoms))
    found = [it for it in datacheck.lint(tmp_path / "net.prototxt").findings if " bottoms, not " in it.message]
    assert [it.verdict for it in found] == ([] if verdict is None else [verdict])
    if verdict == "suspicious":
        assert found[0].message == (
            "SigmoidCrossEntropyLoss takes 2 bottoms, not 3: Caffe aborts, unless the fork that has the layer type "
            "'MaskPooling' takes more"
        )
