"""Numbers in too many pieces to be held are held against nothing, whatever the order in which they come."""

from itertools import permutations

import pytest

from datacheck.conventions.conclusions import convention_findings
from datacheck.conventions.interface import Convention, Count
from datacheck.conventions.keys import account as accounts
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.values.stored_values import stored

PARTS = Pattern(b"image-", b"", 4), Pattern(b"label-", b"", 4)


@pytest.fixture
def parts(monkeypatch):
    """Accounts of three shards, of which together no more than eight pieces are held."""
    monkeypatch.setattr(accounts, "MOST_SPANS", 8)
    made = []
    for start in (0, 40, 80):
        account = Account()
        account.take([part.key(number) for part in PARTS for number in range(start, start + 20, 4)], KeyWatch(PARTS))
        made.append(account)
    return made


def added(parts):
    whole = Account()
    for part in parts:
        whole += part
    return whole


def test_the_sum_does_not_depend_on_the_order(parts):
    sums = [added(order) for order in permutations(parts)]
    assert all(it == sums[0] for it in sums)
    assert (sums[0].numbers, sums[0].scattered) == ({}, set(PARTS))
    for more in parts:
        sums[0] += more
    assert sums[0].numbers == {}


def test_an_account_that_holds_some_forgets_them_when_another_could_not(parts):
    whole = added(parts[:1])
    assert set(whole.numbers) == set(PARTS)
    whole += added(parts)
    assert whole.numbers == {}


def test_a_count_is_then_not_checked_which_is_said(parts):
    counts = (Count(b"num-samples", stored(b"15"), b"15"),)
    (finding,) = convention_findings(Convention("ocr", PARTS, counts, base=1), added(parts))
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
    assert list(convention_findings(Convention("", PARTS, named=False), added(parts))) == []


def test_numbers_that_can_be_held_are_checked(parts):
    counts = (Count(b"num-samples", stored(b"5"), b"5"),)
    assert list(convention_findings(Convention("count", PARTS, counts, named=False), parts[1])) == []
