"""Test stores of very many parts: the work for each part does not grow with their number."""

from collections import Counter

import lmdb
import pytest

import datacheck
from datacheck.backends import open_store
from datacheck.backends.lmdb.reader import MOST_PROBED
from datacheck.reporting.tally import Tally


@pytest.fixture
def path(tmp_path):
    count = MOST_PROBED + 90
    with (
        lmdb.open(str(tmp_path / "env"), map_size=1 << 27, max_dbs=count + 1) as environment,
        environment.begin(write=True) as transaction,
    ):
        for number in range(count):
            database = environment.open_db(b"db%06d" % number, txn=transaction)
            for at in range(3):
                value = b"7" if (number, at) != (count - 1, 1) else b"NaN"
                transaction.put(b"%08d" % at, b'{"x": %s, "y": [1, 2, %d]}' % (value, number), db=database)
    return tmp_path / "env"


def test_so_many_databases_are_probed_and_all_are_scanned(path):
    layout = open_store(path).layout()
    assert len(layout.shards) == MOST_PROBED + 90
    probed = [probe.part for probe in layout.probes]
    assert len(probed) == len(set(probed)) == MOST_PROBED
    assert probed == sorted(probed)
    assert probed[0] == "db000000"
    assert probed[-1] >= f"db{MOST_PROBED + 87:06d}"
    report = datacheck.scan(path, workers=2)
    assert report.complete
    assert report.tally.records == 3 * (MOST_PROBED + 90)
    (finding,) = [it for it in report.findings if it.verdict == "bad"]
    assert (finding.database, finding.key) == (f"db{MOST_PROBED + 89:06d}", "00000001")


def test_adding_a_tally_looks_only_at_what_it_has():
    class Watched(Counter):
        looked = 0

        def items(self):
            type(self).looked += len(self)
            return super().items()

    whole = Tally()
    whole.account = Watched({f"part {number}": 1 for number in range(1000)})
    for number in range(50):
        more = Tally()
        more.account = Counter({f"part {number}": 2, "pages": 1})
        whole.add_sums(more)
    assert Watched.looked == 0
    assert whole.account["part 3"] == 3
    assert whole.account["part 70"] == 1
    assert whole.account["pages"] == 50
