"""Test a caller's own validators: codes that datacheck does not have, and exceptions."""

from dataclasses import dataclass

import pytest
from building import key, raw_records, write_lmdb

import datacheck
from datacheck import Batch, found


@pytest.mark.parametrize(
    ("code", "verdict", "sentence"),
    [
        ("dark", None, "'dark' is a code of your own: give its verdict"),
        ("nann", None, "did you mean 'nan'?"),
        ("dark", "awful", "no verdict is called 'awful'"),
        ("too dark", "bad", "'too dark' is not a code"),
        ("-dark", "bad", "'-dark' is not a code"),
        ("", "bad", "'' is not a code"),
    ],
)
def test_what_is_no_code_or_verdict_is_refused(code, verdict, sentence):
    with pytest.raises(datacheck.UsageError) as caught:
        found(code, "mean 3", verdict=verdict)
    assert sentence in str(caught.value)


def test_the_verdict_of_a_known_code_is_its_own():
    assert (found("nan", "x").verdict, found("nan", "x", verdict="suspicious").verdict) == ("bad", "suspicious")
    assert found("too-dark-2", "x", verdict="bad").code == "too-dark-2"


@dataclass(frozen=True)
class Dark:
    """A validator that calls every tenth record dark."""

    def __call__(self, batch: Batch):
        if not batch.label:
            for at in range(0, len(batch.rows), 10):
                yield at, found("dark", "too dark to see", field=batch.field, verdict="suspicious", mean=3.0)


def test_an_own_code_goes_through_reports_like_any(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(40))
    report = datacheck.scan(store, validators=[Dark()], workers=1, reports=[tmp_path / "a.json"])
    assert (report.clean, report.suspicious, report.counts) == (True, 4, {"dark": 4})
    assert "dark (suspicious): 4" in str(report)
    assert datacheck.load_report(tmp_path / "a.json").findings[0].details == {"mean": 3.0}
    strict = datacheck.scan(store, validators=[Dark()], workers=1, strict=True)
    assert not strict.clean
    ignored = datacheck.scan(store, validators=[Dark()], workers=1, strict=True, ignore=["dark"])
    assert (ignored.clean, ignored.tally.ignored["dark"]) == (True, 4)
    with pytest.raises(datacheck.UsageError, match="no code is called 'dark'"):
        datacheck.scan(store, ignore=["dark"], workers=1)


@dataclass(frozen=True)
class Slipping:
    """A validator that divides by zero."""

    def __call__(self, batch: Batch):
        shares = 1 / (batch.rows[0] - batch.rows[0])
        yield 0, found("nan", str(shares))


def test_the_traceback_of_a_validator_reaches_the_caller(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(20))
    with pytest.raises(datacheck.ValidatorFailed) as caught:
        datacheck.scan(store, validators=[Slipping()], workers=1)
    assert "ZeroDivisionError: division by zero" in str(caught.value)
    assert key(0).decode() in str(caught.value)
    for said in (caught.value.traceback, "".join(caught.value.__notes__)):
        assert "shares = 1 / (batch.rows[0] - batch.rows[0])" in said
        assert "test_own_codes.py" in said
