"""Test values that nothing decodes: the few of another length are reported, and a way to read them is suggested."""

import numpy as np
import pytest
from building import floats, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli


def raw(number, size=24):
    return np.random.default_rng(number).bytes(size)


def odd(report):
    return [(it.key, it.code, it.verdict) for it in report.findings if it.key is not None]


def store(path, sizes):
    return write_lmdb(path, {b"v%03d" % number: raw(number, size) for number, size in enumerate(sizes)})


def advised(path, *options):
    return [it for it in CliRunner().invoke(cli, ["scan", str(path), *options]).stdout.splitlines() if "--array" in it]


def test_the_few_of_another_length_are_suspicious(tmp_path):
    path = store(tmp_path / "store", [24 if number % 25 != 7 else 20 + number for number in range(100)])
    report = datacheck.scan(path, workers=1)
    assert odd(report) == [(f"v{number:03}", "size-mismatch", "suspicious") for number in (7, 32, 57, 82)]
    assert (report.status, report.suspicious, report.unverifiable) == (3, 4, 96)
    finding = next(iter(report.findings))
    assert (finding.details["found"], finding.details["expected"]) == (27, 24)


@pytest.mark.parametrize("every", [2, 6], ids=["half", "a sixth"])
def test_values_of_several_lengths_are_not(tmp_path, every):
    path = store(tmp_path / "store", [24 if number % every else 48 for number in range(96)])
    report = datacheck.scan(path, workers=1)
    assert odd(report) == []
    assert report.unverifiable == 96


def test_a_handful_of_values_tells_nothing(tmp_path):
    path = store(tmp_path / "store", [24] * 9 + [23])
    assert odd(datacheck.scan(path, workers=1)) == []


def frames(odd=None, *, sequences=8, count=12, size=lambda sequence: 24):
    """Return the frames of several sequences, each with too few frames to establish its own length."""
    its = ((sequence, frame) for sequence in range(sequences) for frame in range(count))
    return {b"%03d_%08d" % it: raw(it[0] * 100 + it[1], size(it[0]) - (5 if it == odd else 0)) for it in its}


def test_a_cut_frame_of_a_short_sequence_is_suspicious(tmp_path):
    path = write_lmdb(tmp_path / "store", frames(odd=(3, 5)))
    assert odd(datacheck.scan(path, workers=1)) == [("003_00000005", "size-mismatch", "suspicious")]


@pytest.mark.parametrize("size", [lambda sequence: 24 + sequence, lambda sequence: 24 if sequence else 80])
def test_short_sequences_may_have_a_size_each(tmp_path, size):
    path = write_lmdb(tmp_path / "store", frames(size=size))
    assert odd(datacheck.scan(path, workers=1)) == []


def test_other_families_have_their_own_length(tmp_path):
    records = {b"a%03d" % number: raw(number, 24) for number in range(40)}
    records |= {b"b%03d" % number: raw(number, 80) for number in range(40)}
    records |= {b"b007": raw(1, 24)}
    assert odd(datacheck.scan(write_lmdb(tmp_path / "store", records), workers=1)) == [
        ("b007", "size-mismatch", "suspicious")
    ]


def test_the_option_that_would_read_them_is_suggested_and_works(tmp_path):
    path = write_lmdb(tmp_path / "store", {b"v%03d" % number: floats(number, (6,)).tobytes() for number in range(40)})
    (line,) = advised(path)
    assert line.startswith("to decide: ")
    assert "--array 'v#=f4:6'" in line
    assert "f2:12" in line
    assert "f8:3" in line
    assert advised(path, "--array", "v#=f4:6") == []


def test_a_length_that_no_other_dtype_has_suggests_bytes(tmp_path):
    (line,) = advised(store(tmp_path / "store", [23] * 40))
    assert "'v#=u1:23'" in line
    assert "f4" not in line


def latents(shape=b"40 4 3 2", item=2):
    records = {b"latents_%d_data" % number: raw(number, 24 * item) for number in range(40)}
    return records | {b"latents_shape": shape}


def test_a_shape_that_the_store_tells_makes_another_size_bad(tmp_path):
    records = latents() | {b"latents_7_data": raw(7, 46)}
    path = write_lmdb(tmp_path / "store", records)
    report = datacheck.scan(path, workers=1)
    assert odd(report) == [("latents_7_data", "size-mismatch", "bad")]
    assert "latents_#_data=f2:4,3,2" in advised(path)[0]
    shown = CliRunner().invoke(cli, ["show", str(path), "latents_7_data"])
    assert "size-mismatch (bad)" in shown.stdout


def test_a_shape_that_the_store_tells_completes_the_dtype_that_is_given(tmp_path):
    path = write_lmdb(
        tmp_path / "store",
        {b"latents_%d_data" % number: floats(number, (24,)).astype("f2").tobytes() for number in range(40)}
        | {b"latents_shape": b"40 4 3 2", b"latents_9_data": bytes(range(44))},
    )
    report = datacheck.scan(path, array="latents_#_data=f2", workers=1)
    assert odd(report) == [("latents_9_data", "size-mismatch", "bad")]
    assert report.profile.families["latents_#_data"].array.shape == (4, 3, 2)


@pytest.mark.parametrize("shape", [b"40", b"40 7 5", b"forty"])
def test_a_shape_that_fits_no_size_judges_nothing(tmp_path, shape):
    report = datacheck.scan(write_lmdb(tmp_path / "store", latents(shape)), workers=1)
    assert [it for it in odd(report) if it[1] == "size-mismatch"] == []
