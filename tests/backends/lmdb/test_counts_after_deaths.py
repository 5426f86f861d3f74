"""Test that the number of lost records of a damaged environment is the same if a worker is killed meanwhile."""

from __future__ import annotations

import io
import os
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
from building import key, write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import ignore

COUNT = 3000


def npy(number):
    out = io.BytesIO()
    np.save(out, np.arange(number, number + 100, dtype="f4"))
    return out.getvalue()


class KilledTwice(LmdbReader):
    """A reader that ends its worker by a signal at a certain record, the first two times."""

    mark = Path()
    key = b""

    def blocks(self, shard, *, limit=None, note=ignore, avoid=()):
        def noted(place, seen):
            note(place, seen)
            if seen and place.key == self.key and self.mark.stat().st_size < 2:
                with self.mark.open("ab") as file:
                    file.write(b"x")
                os.kill(os.getpid(), signal.SIGTERM)

        return super().blocks(shard, limit=limit, note=noted, avoid=avoid)


@pytest.fixture
def damaged(tmp_path):
    env = write_lmdb(tmp_path / "env", {key(it): npy(it) for it in range(COUNT)})
    raw = bytearray((env / "data.mdb").read_bytes())
    leaves = [at for at in range(8192, len(raw), 4096) if struct.unpack_from("=H", raw, at + 10)[0] == 2]
    for at in leaves[100], leaves[200]:
        raw[at : at + 4096] = bytes(4096)
    (env / "data.mdb").write_bytes(raw)
    return env


@pytest.mark.parametrize("number", [0, 679, 717, COUNT - 3])
def test_as_many_are_lost_whatever_was_killed(damaged, tmp_path, number):
    def said(report):
        return [(it.key, it.code, it.message) for it in report.findings]

    reader = KilledTwice(damaged)
    reader.mark, reader.key = tmp_path / "mark", key(number)
    reader.mark.touch()
    report = datacheck.scan(reader, workers=1)
    assert reader.mark.stat().st_size == 2
    assert said(report) == said(datacheck.scan(damaged, workers=1))
