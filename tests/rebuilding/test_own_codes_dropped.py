"""Test that a rebuild runs the caller's own validators, and takes their codes to drop and to keep records by."""

from dataclasses import dataclass

import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck as command

import datacheck
from datacheck.model.finding import found


@dataclass(frozen=True)
class Dark:
    """No record is dark."""

    def __call__(self, batch):
        for at, values in enumerate(batch.values):
            if batch.field == "data" and not values.any():
                yield at, found("dark", "every value is 0", verdict="bad")


@dataclass(frozen=True)
class Declared(Dark):
    """No record is dark or bright, which is never found."""

    codes = ("dark", "bright")


@pytest.fixture
def store(tmp_path):
    values = [floats(number) for number in range(12)]
    values[3][:] = 0
    return write_lmdb(tmp_path / "s", {key(number): datum(it) for number, it in enumerate(values)})


@pytest.mark.parametrize(("choice", "dropped"), [({"drop": ["dark"]}, 1), ({"drop_bad": True}, 1)])
def test_it_runs_them_and_drops_what_they_find(store, tmp_path, choice, dropped):
    receipt = datacheck.rebuild(store, tmp_path / "c", validators=[Dark()], workers=1, **choice)
    assert (receipt.written, receipt.dropped) == (True, dropped)


def test_it_keeps_what_they_find(store, tmp_path):
    options = {"drop_bad": True, "keep": ["dark"], "validators": [Dark()], "workers": 1}
    receipt = datacheck.rebuild(store, tmp_path / "c", **options)
    assert (receipt.dropped, receipt.still_bad.codes) == (0, ("dark",))


def test_a_report_has_such_codes_too(store, tmp_path):
    datacheck.scan(store, validators=[Dark()], workers=1, reports=[tmp_path / "r.json"])
    words = ("rebuild", store, tmp_path / "c", "--from-report", tmp_path / "r.json", "--drop")
    assert command(*words, "darkk").returncode == 2
    assert command(*words, "dark").returncode == 0
    assert datacheck.scan(tmp_path / "c", workers=1).checked == 11


def test_a_code_that_nothing_has_is_refused_unless_a_validator_declares_it(store, tmp_path):
    options = {"drop": ["bright"], "drop_bad": True, "workers": 1}
    with pytest.raises(datacheck.UsageError, match="'bright' is neither a verdict nor a code"):
        datacheck.rebuild(store, tmp_path / "c", validators=[Dark()], **options)
    assert datacheck.rebuild(store, tmp_path / "c", validators=[Declared()], **options).dropped == 1


def test_a_report_takes_the_place_of_the_scan_that_would_run_them(store, tmp_path):
    with pytest.raises(datacheck.UsageError, match="leave one of the two out"):
        datacheck.rebuild(store, tmp_path / "c", validators=[Dark()], from_report=tmp_path / "r.json")
