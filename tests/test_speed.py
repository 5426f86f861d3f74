"""Compare the fast paths of a scan with the plain ones on whole stores, sound and damaged, with any workers."""

import random

import pytest
from building import datum, floats, pictures, pixels, write_lmdb

import datacheck
from datacheck.decoders.datum.decoder import DatumDecoder
from datacheck.decoders.one_by_one import decode_each


def damaged(made, seed, count):
    """Return `count` records, of which about one in six is randomly damaged."""
    chance = random.Random(seed)
    records = {}
    for number in range(count):
        value = bytearray(made(number))
        if chance.random() < 1 / 6:
            what = chance.randrange(4)
            if what == 0:
                del value[chance.randrange(len(value)) :]
            elif what == 1:
                value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
            elif what == 2:
                value += b"\0" * chance.randrange(1, 5)
            else:
                at = chance.randrange(len(value))
                value[at : at + 40] = bytes(len(value[at : at + 40]))
        records[b"%08d_%s" % (number, chance.choice([b"cat", b"dog"]))] = bytes(value)
    return records


KINDS = {
    "small": lambda number: datum(pixels(number, (1, 28, 28)), number % 10),
    "large": lambda number: datum(pixels(number % 7, (3, 160, 160)), number % 10),
    "floats": lambda number: datum(floats(number, (3, 16, 16)), number % 10),
    "pictures": lambda number: datum(pictures()[number % 8], number % 10, encoded=True),
    "bare": lambda number: pictures()[number % 8],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_is_that_of_the_plain_way(tmp_path, kind):
    path = write_lmdb(tmp_path / "env", damaged(KINDS[kind], kind, 100 if kind == "large" else 400))
    quick = [datacheck.scan(path, workers=workers, labels=8) for workers in (1, 3)]
    # every record by itself, through the plain decoder, with all statistics
    plain = datacheck.scan(path, workers=1, labels=8, stats=True, validators=[PlainWay()])
    for report in quick:
        assert list(report.findings) == list(plain.findings)
        assert (report.bad, report.suspicious, report.counts) == (plain.bad, plain.suspicious, plain.counts)
        for name, summary in report.statistics.items():
            assert summary.count == plain.statistics[name].count
            assert summary.min in (None, plain.statistics[name].min)
    assert len(plain.counts) > 2


class PlainWay:
    """A validator that judges nothing; unpickling it in a worker makes that decode Datum records one by one."""

    def __call__(self, batch):
        return ()

    def __reduce__(self):
        return arrive, ()

    def __repr__(self):
        return "PlainWay()"


def arrive():
    DatumDecoder.decode = lambda self, block, rows, profile, pixels=True: decode_each(self.read, block, rows, profile)
    return PlainWay()
