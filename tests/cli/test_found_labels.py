"""Test a configuration that came with a dataset and says where its labels are, which can keep them unjudged."""

import json

import numpy as np
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner

from datacheck.cli.entry import cli

h5py = pytest.importorskip("h5py")


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scanned(*args):
    done = CliRunner().invoke(cli, ["scan", *map(str, args), "--format", "json"], standalone_mode=False)
    return json.loads(done.stdout)


def loosened(*args):
    return scanned(*args)["settings"]["config"]["loosened"]


def test_a_found_label_field_is_obeyed_and_named(here):
    with h5py.File(here / "rows.h5", "w") as file:
        file["data"] = np.arange(60.0).reshape(20, 3)
        file["label"] = np.full(20, 99)
        file["other"] = np.zeros(20, int)
    assert scanned("rows.h5", "--labels", "10")["bad"] == 20
    (here / "datacheck.toml").write_text('label-field = "other"\n')
    document = scanned("rows.h5", "--labels", "10")
    assert document["bad"] == 0
    assert document["settings"]["config"]["loosened"] == ["label-field"]


@pytest.mark.parametrize("value", ["'-5:10'", "':10'", "'-inf:10'"])
def test_found_labels_that_allow_negative_ones_are_named(here, value):
    """A negative label is suspicious, and bad with --strict, unless somebody allows it."""
    write_lmdb(here / "store", raw_records(30) | {key(7): datum(pixels(7), -3)})
    assert scanned("store")["suspicious"] == 1
    (here / "datacheck.toml").write_text(f"labels = {value}\n")
    document = scanned("store")
    assert ("label" in document["counts"], document["settings"]["config"]["loosened"]) == (False, ["labels"])


@pytest.mark.parametrize(
    "line", ["labels = 10", "labels = '0:10'", "labels = '1:'", "labels = ':'", "range = '0:255'", "shape = '3,8,8'"]
)
def test_what_can_only_find_more_is_not_named(here, line):
    write_lmdb(here / "store", raw_records(30))
    (here / "datacheck.toml").write_text(f"{line}\n")
    assert loosened("store") == []
