"""Numbers of keys that are packed numbers survive in a report from which a scan goes on."""

import pytest

from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Packed, Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.reporting.packed_tally import packed, unpacked
from datacheck.reporting.tally import Tally


@pytest.mark.parametrize("pattern", [Packed(width=4), Packed(width=8, little=True), Pattern(b"", b"", 4)])
def test_packed_numbers_survive(pattern):
    for account in (Account(3, 0, {pattern: Runs([(0, 3)])}), Account(3, 0, {}, {pattern})):
        assert unpacked(packed(Tally(keys={"": account}))).keys == {"": account}
