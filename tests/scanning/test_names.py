"""Test names in options: those that occur nowhere are refused with a list of those that do, others are accepted."""

import json

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, floats, key, raw_records, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.errors import UsageError

NAN = float("nan")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def demos(here):
    with h5py.File("demos.h5", "w") as file:
        for number in range(4):
            group = file.create_group(f"data/demo_{number}")
            group["actions"] = np.full((20, 3), 0.5) + np.random.default_rng(number).random((20, 3)) / 4
            group["states"] = np.random.default_rng(number).random((20, 5))
            group["actions"][5, 1] = 9 if number > 1 else 0.5
        file["names"] = np.array([b"abc"] * 20)
        file["empty"] = np.empty((0, 3))
        points = np.zeros(20, [("x", "f4"), ("y", "f4")])
        points["x"][3] = 9
        file["points"] = points
    return "demos.h5"


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


def keys(report):
    return [finding.key for finding in report.findings if finding.verdict == "bad"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("range", {"dta": (0, 1)}),
        ("allow_nan", ["dta"]),
        ("label_field", "dta"),
        ("together", [("data", "dta")]),
    ],
)
@pytest.mark.parametrize("kind", ["lmdb", "hdf5"])
def test_a_name_that_is_nowhere_is_refused_with_the_nearest(here, kind, option, value):
    if kind == "lmdb":
        write_lmdb(here / "store", raw_records(30))
    else:
        with h5py.File("store", "w") as file:
            file["data"], file["label"] = np.random.default_rng(1).random((30, 4)), np.arange(30) % 3
    with pytest.raises(UsageError) as error:
        datacheck.scan("store", **{option: value})
    assert str(error.value) == (
        f"--{option.replace('_', '-')} names 'dta', which no record has; there are data, label; did you mean 'data'?"
    )


def test_the_command_line_ends_with_2_and_leaves_an_earlier_report(here):
    write_lmdb(here / "store", raw_records(30))
    (here / "r.json").write_text("old")
    done = run("scan", "store", "--allow-nan", "pixels", "--report", "r.json")
    assert isinstance(done.exception, UsageError)
    assert (here / "r.json").read_text() == "old"
    for command in (["show", "store", "00000003"], ["rebuild", "store", "copy", "--drop-bad"]):
        assert "pixels" in str(run(*command, "--allow-nan", "pixels").exception)
    assert not (here / "copy").exists()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("actions", ["/data/demo_2[5]", "/data/demo_3[5]"]),
        ("demo_3/actions", ["/data/demo_3[5]"]),
        ("data/demo_3/actions", ["/data/demo_3[5]"]),
        ("/data/demo_3/actions", ["/data/demo_3[5]"]),
        ("points.x", ["/[3]"]),
        ("/points.x", ["/[3]"]),
    ],
)
def test_the_last_part_of_a_path_is_enough(demos, name, found):
    assert keys(datacheck.scan(demos, range={name: (0, 1)})) == found


@pytest.mark.parametrize("name", ["/actions", "ctions", "demo_4/actions", "demo_3", "data"])
def test_a_part_that_is_none_is_refused(demos, name):
    with pytest.raises(UsageError, match="which no record has"):
        datacheck.scan(demos, range={name: (0, 1)})


@pytest.mark.parametrize("name", ["names", "empty", "/names", "states"])
def test_a_dataset_that_is_not_judged_is_there(demos, name):
    datacheck.scan(demos, allow_nan=[name])
    datacheck.scan(demos, label_field=name)


def test_datasets_belong_together_in_every_group_that_has_them(demos):
    assert keys(datacheck.scan(demos, together=["actions,states"])) == []
    with h5py.File(demos, "a") as file:
        del file["data/demo_1/states"]
        file["data/demo_1/states"] = np.random.default_rng(9).random((19, 5))
    said = [it for it in datacheck.scan(demos, together=["actions,st*"]).findings if it.code == "row-count"]
    (found,) = (it for it in said if "sample" not in it.details)  # the other demonstrations are reported for it, too
    assert found.details["rows"] == {"/data/demo_1/actions": 20, "/data/demo_1/states": 19}


def test_a_name_of_one_of_several_sources_is_there(here, demos):
    write_lmdb(here / "store", raw_records(30))
    for order in (["store", demos], [demos, "store"]):
        done = run("scan", *order, "--range", "actions=0:1", "--format", "json")
        assert done.return_value == 1
        assert [it.status for it in datacheck.scan(order, range={"actions": (0, 1)})] == [
            1 if it == demos else 0 for it in order
        ]
        with pytest.raises(UsageError, match="did you mean 'actions'"):
            datacheck.scan(order, range={"action": (0, 1)})


def test_a_name_in_a_database_is_there(here):
    with lmdb.open("store", max_dbs=3) as env:
        for name, make in ((b"one", lambda n: datum(floats(n), n % 3)), (b"two", lambda n: b"%d" % n)):
            handle = env.open_db(name)
            with env.begin(write=True, db=handle) as txn:
                for n in range(40):
                    txn.put(key(n), make(n))
    assert datacheck.scan("store", range={"data": (-99, 99)}).bad == 0


def test_a_store_that_cannot_tell_refuses_nothing(here):
    """A few records are of a kind that the sample does not decode, or nothing can be sampled at all."""
    write_lmdb(here / "strays", raw_records(300) | {b"mean": datum(floats(1), 3)})
    assert datacheck.scan("strays", range={"data": (-1e9, 1e9)}).status == 0
    write_lmdb(here / "empty", {key(n): b"" for n in range(20)})
    assert datacheck.scan("empty", allow_nan=["data"]).status == 1


def test_a_damaged_file_refuses_nothing(here, demos):
    raw = bytearray((here / demos).read_bytes())
    at = raw.rindex(b"TREE")
    raw[at : at + 4] = b"XXXX"
    (here / demos).write_bytes(raw)
    report = datacheck.scan(demos, allow_nan=["rewards"])
    assert report.status != 0


def test_a_stray_name_is_refused_at_the_end(here):
    write_lmdb(here / "strays", raw_records(300) | {b"mean": datum(floats(1), 3)})
    with pytest.raises(UsageError, match="did you mean 'data'"):
        datacheck.scan("strays", range={"dato": (0, 1)})


def test_a_found_configuration_is_said_and_not_obeyed(here):
    (here / "datacheck.toml").write_text('range = ["dta=0:1"]\nallow-nan = "x"\ntogether = "data,lable"\n')
    with h5py.File("store", "w") as file:
        file["data"], file["label"] = np.random.default_rng(1).random((30, 4)), np.arange(30) % 3
    done = run("scan", "store", "--report", "r.json")
    assert (done.exception, done.return_value) == (None, 0)
    assert "did you mean 'data'?; the option is left out" in done.stderr
    assert "not there, and left out: range dta, allow-nan x, together lable" in done.stdout
    config = json.loads((here / "r.json").read_text())["settings"]["config"]
    assert config["not_there"] == ["range dta", "allow-nan x", "together lable"]
    assert isinstance(run("scan", "store", "--config", "datacheck.toml").exception, UsageError)


def test_a_configuration_that_was_found_is_obeyed_where_it_can_be(here):
    (here / "datacheck.toml").write_text('range = ["data=0:1", "dta=0:1"]\n')
    write_lmdb(here / "store", {key(n): datum(floats(n), n % 3) for n in range(30)})
    done = run("scan", "store")
    assert (done.exception, done.return_value) == (None, 1)
    assert "out-of-range (bad): 30" in done.stdout


@pytest.mark.parametrize(("allow", "bad"), [([], ["/[3]", "/[7]"]), (["y"], ["/[7]"]), (["/y"], ["/[7]"])])
@pytest.mark.parametrize("labels", [None, 2])
def test_nan_in_a_label_may_be_allowed_and_infinity_never_is(here, allow, bad, labels):
    targets = np.random.default_rng(1).integers(0, 2, (40, 12)).astype("f4")
    targets[3, 4], targets[7, 1] = NAN, np.inf
    with h5py.File("tox.h5", "w") as file:
        file["X"], file["y"] = np.random.default_rng(2).random((40, 16)), targets
    assert keys(datacheck.scan("tox.h5", allow_nan=allow, labels=labels)) == bad
