"""Test taking the shape of the records from the databases that a network names, if they are at hand."""

import numpy as np
import pytest
from building import datum, fingerprint, write_lmdb
from click.testing import CliRunner

from datacheck.cli.entry import cli
from datacheck.linting import lint

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" %s
  data_param { source: "train_lmdb" batch_size: 4 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 5 %s
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "conv" bottom: "label" top: "loss" }
"""


def store(path, *shapes):
    records = [(b"%08d" % at, datum(np.full(shapes[at % len(shapes)], at, np.uint8))) for at in range(12)]
    write_lmdb(path, records)


def found(folder, transform="", more="", **options):
    (folder / "net.prototxt").write_text(NET % (transform, more))
    return [(it.key, it.verdict) for it in lint(folder / "net.prototxt", **options).findings]


def test_records_that_fit_are_sound(tmp_path):
    store(tmp_path / "train_lmdb", (3, 5, 5))
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("shape", "transform", "more", "layer"),
    [
        ((3, 5, 4), "", "", "conv"),  # the kernel is too large
        ((3, 7, 7), "", "", "loss"),  # scores of 3x3 pixels, but a single label
        ((3, 9, 9), "transform_param { crop_size: 10 }", "", "data"),
        ((3, 5, 5), "transform_param { mean_value: 1 mean_value: 2 }", "", "data"),
        ((3, 5, 5), "", "group: 2", "conv"),
    ],
)
def test_records_that_do_not_fit(tmp_path, shape, transform, more, layer):
    assert found(tmp_path, transform, more) in ([], [("loss", "bad")])  # nothing is known without the store
    store(tmp_path / "train_lmdb", shape)
    assert (layer, "bad") in found(tmp_path, transform, more)


def test_a_shape_that_is_given_goes_before_the_store(tmp_path):
    store(tmp_path / "train_lmdb", (3, 7, 7))
    assert found(tmp_path, shape=(3, 5, 5)) == []
    assert found(tmp_path, records={"data": (3, 5, 5)}) == []


def test_records_of_several_shapes_tell_nothing(tmp_path):
    store(tmp_path / "train_lmdb", (3, 7, 7), (3, 5, 5))
    assert found(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 20000, b"no store" * 1000])
def test_a_store_that_is_broken_tells_nothing(tmp_path, content):
    (tmp_path / "train_lmdb").mkdir()
    (tmp_path / "train_lmdb" / "data.mdb").write_bytes(content)
    assert found(tmp_path) == []


def test_the_store_is_looked_for_from_the_root(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "home").mkdir()
    store(tmp_path / "home" / "train_lmdb", (3, 7, 7))
    assert found(tmp_path / "nets") == []
    assert found(tmp_path / "nets", root=tmp_path / "home") == [("loss", "bad")]


def test_the_store_is_left_as_it_was(tmp_path):
    store(tmp_path / "train_lmdb", (3, 7, 7))
    (tmp_path / "net.prototxt").write_text(NET % ("", ""))
    before = fingerprint(tmp_path)
    done = CliRunner().invoke(cli, ["lint", str(tmp_path / "net.prototxt")], standalone_mode=False)
    assert fingerprint(tmp_path) == before
    assert done.return_value == 1
    assert "takes 36 labels" in done.output
