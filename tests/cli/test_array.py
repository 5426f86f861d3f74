"""Test `--array` and `--decoder FAMILY=NAME`: records are judged by them, and every printed command repeats them."""

import json
import pickle
import shlex
import zlib

import h5py
import numpy as np
import pytest
from building import floats, npy, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.errors import UsageError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


def report_of(done):
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def found(report):
    return sorted((it["key"], it["code"], it["verdict"]) for it in report["findings"] if it["key"] is not None)


def spoilt(values, value=np.nan):
    values = values.copy()
    values.reshape(-1)[3] = value
    return values


def features(dtype="f4"):
    """Return numbered raw arrays, with a text beside each."""
    made = {b"feat_%d" % number: (floats(number, (4, 6)) * 9).astype(dtype).tobytes() for number in range(40)}
    return made | {b"name_%d" % number: b"clip number %d" % number for number in range(40)}


def faulty(dtype="f4"):
    sound = (floats(5, (4, 6)) * 9).astype(dtype)
    return features(dtype) | {
        b"feat_5": spoilt(sound).tobytes(),
        b"feat_6": spoilt(sound, np.inf).tobytes(),
        b"feat_7": sound.tobytes()[:-1],
        b"feat_8": sound.astype("f8").tobytes(),
        b"feat_9": b"",
    }


FAULTS = [
    ("feat_5", "nan"),
    ("feat_6", "inf"),
    ("feat_7", "size-mismatch"),
    ("feat_8", "size-mismatch"),
    ("feat_9", "empty"),
]


@pytest.mark.parametrize("given", ["feat_#=f4:4,6", "f4:4,6", "feat_#=float32:4,6"])
def test_sound_arrays_are_clean_and_each_fault_is_named(here, given):
    write_lmdb(here / "sound", features())
    write_lmdb(here / "faulty", faulty())
    clean = report_of(run("scan", "sound", "--array", given, "--format", "json"))
    assert (clean["status"], clean["findings"]) == (0, [])
    assert clean["profile"]["families"]["feat_#"]["decoder"] == "raw"
    assert clean["profile"]["families"]["name_#"]["decoder"] == "text"
    bad = report_of(run("scan", "faulty", "--array", given, "--format", "json"))
    assert (bad["status"], found(bad)) == (1, [(key, code, "bad") for key, code in FAULTS])


def test_a_big_endian_array_is_read_as_one(here):
    values = {b"feat_%d" % number: np.arange(number, number + 24, dtype=">u2").tobytes() for number in range(40)}
    write_lmdb(here / "store", values)
    report = report_of(run("scan", "store", "--array", "feat_#=>u2:4,6", "--range", "0:1000", "--format", "json"))
    assert (report["status"], found(report)) == (0, [])


def test_printed_commands_give_the_arrays_again(here):
    write_lmdb(here / "store", faulty())
    said = run("scan", "store", "--array", "feat_#=f4:4,6", "--decoder", "name_#=text").stdout
    show, rebuild = (
        shlex.split(next(it for it in said.splitlines() if it.startswith(start)).partition("datacheck ")[2])
        for start in ("look at one: ", "a clean copy: ")
    )
    for words in (show, rebuild):
        assert words[words.index("--array") + 1] == "feat_#=f4:4,6"
        assert words[words.index("--decoder") + 1] == "name_#=text"
    shown = run(*show)
    assert (shown.return_value, "  nan (bad)" in shown.stdout) == (1, True)
    assert run(*rebuild).return_value == 0
    copy = rebuild[2]
    assert run("scan", copy, "--array", "feat_#=f4:4,6").return_value == 0


def test_a_family_that_is_not_there_is_refused_with_the_nearest(here):
    write_lmdb(here / "store", features())
    for option, value in (("--array", "feet_#=f4"), ("--decoder", "feet_#=npy")):
        for command in (["scan", "store"], ["show", "store", "feat_1"]):
            done = run(*command, option, value)
            assert isinstance(done.exception, UsageError)
            assert "'feet_#'" in str(done.exception)
            assert "did you mean 'feat_#'?" in str(done.exception)


def test_a_family_too_rare_for_the_sample_is_found(here):
    records = {b"key-%05d" % number: floats(number, (4,)).tobytes() for number in range(5000)}
    records |= {b"key-%05d-mean" % 2501: spoilt(floats(1, (4,))).tobytes()}
    write_lmdb(here / "store", records)
    given = ("--array", "key-#-mean=f4:4", "--array", "key-#=f4:4", "--format", "json")
    report = report_of(run("scan", "store", *given))
    assert found(report) == [("key-02501-mean", "nan", "bad")]


def test_a_family_of_a_named_database_has_its_name_before_it(here):
    import lmdb

    with lmdb.open(str(here / "store"), max_dbs=2, map_size=1 << 24) as env:
        for name in ("train", "test"):
            with env.begin(write=True, db=env.open_db(name.encode())) as txn:
                for number in range(30):
                    txn.put(b"%d" % number, spoilt(floats(number, (8,))).tobytes() if number == 3 else bytes(range(32)))
    report = report_of(run("scan", "store", "--array", "test:#=f4:8", "--format", "json"))
    assert [(it["database"], it["key"], it["code"]) for it in report["findings"] if it["code"] == "nan"] == [
        ("test", "3", "nan")
    ]


def test_the_configuration_may_give_arrays(here):
    write_lmdb(here / "store", faulty())
    (here / "own.toml").write_text('array = ["feat_#=f4:4,6"]\ndecoder = "name_#=text"\n')
    report = report_of(run("scan", "store", "--config", "own.toml", "--format", "json"))
    assert found(report) == [(key, code, "bad") for key, code in FAULTS]
    assert report["settings"]["array"] == [{"dtype": "f4", "shape": [4, 6], "family": "feat_#"}]
    assert report["settings"]["decoders"] == [{"family": "name_#", "decoder": "text"}]
    assert report["settings"]["decoder"] is None


@pytest.mark.parametrize("given", ["feat_#=f4:4,6", ["feat_#=f4:4,6"], {"feat_#": "f4:4,6"}, {None: "f4:4,6"}])
def test_python_gives_arrays_in_each_of_its_ways(here, given):
    report = datacheck.scan(write_lmdb(here / "store", faulty()), array=given, workers=1)
    assert sorted((it.key, it.code) for it in report.findings) == FAULTS


@pytest.mark.parametrize("given", [{"a_#": "npy"}, ["a_#=npy"], "a_#=npy"])
def test_a_decoder_of_one_family_leaves_the_others_as_they_are(here, given):
    records = {b"a_%d" % number: npy(floats(number, (3,))) for number in range(30)}
    records |= {b"b_%d" % number: pickle.dumps({"x": floats(number, (3,))}) for number in range(30)}
    records[b"a_4"] = pickle.dumps({"x": floats(1, (3,))})
    store = write_lmdb(here / "store", records)
    report = datacheck.scan(store, decoder=given, workers=1)
    assert [(it.key, it.code) for it in report.findings] == [("a_4", "undecodable")]
    assert {name: it.decoder for name, it in report.profile.families.items()} == {"a_#": "npy", "b_#": "pickle"}
    assert report.settings.decoder is None


def test_one_decoder_for_all_is_in_the_settings_as_ever(here):
    store = write_lmdb(here / "store", {b"%d" % number: npy(floats(number, (3,))) for number in range(30)})
    for given in ("npy", ["npy"], {None: "npy"}):
        settings = datacheck.scan(store, decoder=given, workers=1).settings
        assert (settings.decoder, settings.decoders) == ("npy", ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"array": "f5"}, "there are f2, f4"),
        ({"array": "flaot32"}, "did you mean 'float32'?"),
        ({"array": "f4:3,0"}, "at least 1"),
        ({"array": "f4:"}, "of the form"),
        ({"array": "=f4"}, "names no family"),
        ({"array": ["f4", "f2"]}, "given twice for all values"),
        ({"array": ["a=f4", "a=f2"]}, "given twice for 'a'"),
        ({"array": 4}, "it must be"),
        ({"decoder": "raw"}, "--array"),
        ({"decoder": "a=raw", "array": "b=f4"}, "--array"),
        ({"decoder": "npy", "array": "f4"}, "cannot be both"),
        ({"decoder": {"a": "npy"}, "array": {"a": "f4"}}, "cannot be both"),
        ({"decoder": "a=npz2"}, "did you mean 'npz'?"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(here, options, said):
    with pytest.raises(UsageError) as caught:
        datacheck.scan(here / "none", **options)
    assert said in str(caught.value)


def test_arrays_in_a_wrapper_are_read_in_it(here):
    records = {key: zlib.compress(value) for key, value in faulty().items() if key.startswith(b"feat") and value}
    store = write_lmdb(here / "store", records | {b"feat_1": records[b"feat_1"][:-6]})
    report = datacheck.scan(store, decoder="feat_#=zlib+raw", array="feat_#=f4:4,6", workers=1)
    assert sorted((it.key, it.code) for it in report.findings) == [("feat_1", "truncated"), *FAULTS[:-1]]


def test_a_single_array_or_text_of_no_family_is_judged_by_its_like(here):
    """A text is taken for a text even if all values are declared to be arrays; anything else is an array."""
    store = write_lmdb(here / "store", features() | {b"readme": b"made in May", b"total": floats(1, (4,)).tobytes()})
    report = datacheck.scan(store, array="f4:4,6", workers=1)
    assert [(it.key, it.code) for it in report.findings] == [("total", "size-mismatch")]


def test_a_store_of_nothing_but_texts_is_what_it_is_said_to_be(here):
    store = write_lmdb(here / "store", {b"%d" % number: b"abcdefgh" for number in range(30)})
    assert datacheck.scan(store, array="u1:8", workers=1).profile.families["#"].decoder == "raw"


def test_a_file_without_keys_has_no_family(here):
    with h5py.File("rows.h5", "w") as file:
        file["data"] = floats(1, (20, 3))
    with pytest.raises(UsageError, match="'data_#', which no record has"):
        datacheck.scan("rows.h5", array="data_#=f4", workers=1)


def test_one_of_several_sources_with_the_family_is_enough(here):
    one, two = (
        write_lmdb(here / "one", features()),
        write_lmdb(here / "two", {b"%d" % n: npy(floats(n)) for n in range(30)}),
    )
    reports = datacheck.scan([two, one], array="feat_#=f4:4,6", workers=1)
    assert [(it.status, it.source.decoder) for it in reports] == [(0, "npy"), (0, "raw+text")]
    with pytest.raises(UsageError, match="did you mean 'feat_#'"):
        datacheck.scan([two, one], array="feet_#=f4:4,6", workers=1)


def test_serial_and_parallel_scans_agree(here):
    store = write_lmdb(here / "store", faulty())
    one, two = (datacheck.scan(store, array="feat_#=f4:4,6", workers=count) for count in (1, 2))
    assert list(one.findings) == list(two.findings)
    assert one.statistics == two.statistics
