"""Test values of several pickles behind each other, as `pickle.dump` writes them to one stream."""

import io
import pickle
import zlib

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles import machine
from datacheck.decoders.pickles.decoder import PickleDecoder

COUNT = 40


def stream(*parts):
    with io.BytesIO() as file:
        for part in parts:
            pickle.dump(part, file)
        return file.getvalue()


def sample(number, value=0.5, label=None):
    values = np.random.default_rng(number).normal(size=6).astype("f4")
    values[3] = value
    return values, number % 10 if label is None else label


def scanned(folder, values, **options):
    return scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1, **options)


def findings(report):
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("wrap", [bytes, zlib.compress], ids=["plain", "zlib"])
def test_each_pickle_of_a_stream_is_judged(wrap, tmp_path):
    values = [wrap(stream(*sample(at))) for at in range(COUNT)]
    assert scanned(tmp_path / "sound", values, labels=10).status == 0
    values[7] = wrap(stream(*sample(7, np.nan)))
    values[9] = wrap(stream(*sample(9, label=70)))
    assert findings(scanned(tmp_path / "bad", values, labels=10)) == [
        ("00000007", "[0]", "nan", "bad"),
        ("00000009", "[1]", "label", "bad"),
    ]


def test_a_stream_that_is_cut_or_ends_early_is_bad(tmp_path):
    values = [stream({"x": sample(at)[0]}, {"label": at % 10}) for at in range(COUNT)]
    values[3] = values[3][:-4]
    values[5] = stream({"x": sample(5)[0]})
    assert findings(scanned(tmp_path / "env", values)) == [
        ("00000003", "[1]", "truncated", "bad"),
        ("00000005", "[1]/label", "label", "bad"),
    ]


def test_streams_of_one_to_three_pickles_are_sound(tmp_path):
    values = [stream(*[{"x": sample(at)[0]}] * (1 + at % 3)) for at in range(COUNT)]
    assert scanned(tmp_path / "env", values).status == 0


def test_a_second_pickle_where_others_hold_one_is_never_read(tmp_path):
    values = [pickle.dumps(sample(at)) for at in range(COUNT)]
    values[4] += pickle.dumps(sample(4, np.nan))
    report = scanned(tmp_path / "env", values, labels=10)
    assert findings(report) == [("00000004", "data", "trailing-data", "suspicious")]
    assert report.findings[0].message.endswith("after the end of the pickle, which begin like another one")


def test_very_many_pickles_in_one_value_are_not_all_read(tmp_path):
    values = [stream(1.5, 2.5) for _ in range(20)]
    values[6] = stream(1.5) * 1030
    assert ("00000006", "[1024]", "too-large", "unverifiable") in findings(scanned(tmp_path / "env", values))


def test_all_pickles_of_a_value_share_the_bounds_of_a_record(monkeypatch):
    monkeypatch.setattr(machine, "CONTAINERS", 5000)
    one = b"\x80\x02(" + b"]" * 900 + b"t."
    assert len(PickleDecoder().read(one * 3, None).fields) > 0
    [finding] = PickleDecoder().read(one * 9, None).findings
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
