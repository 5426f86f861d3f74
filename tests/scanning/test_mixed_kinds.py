"""Test pictures and annotations under keys without a common number: nearly half of the records are not strays."""

from __future__ import annotations

import io
import json
import random

import lmdb
import numpy as np
import pytest
from PIL import Image

import datacheck


def picture(seed):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 24, 3), "u1")).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, lacking, count=60):
    with lmdb.open(str(path), map_size=1 << 26) as env, env.begin(write=True) as txn:
        for at in range(count):
            stem = random.Random(at).randbytes(8).hex()
            txn.put(f"{stem}.png".encode(), picture(at))
            if at not in lacking:
                txn.put(f"{stem}.json".encode(), json.dumps({"label": at % 4, "wide": 24}).encode())
    return path


@pytest.mark.parametrize("lacking", [(), (9,), range(20), range(40)])
def test_annotations_are_no_strangers_among_pictures(tmp_path, lacking):
    findings = datacheck.scan(write(tmp_path / "a", lacking)).findings
    assert not any(it.code == "wrong-format" for it in findings)


def test_one_annotation_among_pictures_is_one(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a", range(1, 60))).findings
    assert (finding.code, finding.verdict) == ("wrong-format", "suspicious")
