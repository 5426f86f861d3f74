"""Test bytes behind the tensors of safetensors, which its loader refuses."""

import json

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 24


def tensors(number):
    header = json.dumps({"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}).encode()
    return len(header).to_bytes(8, "little") + header + np.full(3, number, "f4").tobytes()


@pytest.mark.parametrize(
    ("behind", "code", "verdict"), [(1, "size-mismatch", "bad"), (COUNT, "trailing-data", "suspicious")]
)
def test_bytes_behind_the_tensors(behind, code, verdict, tmp_path):
    values = {key(at): tensors(at) + (b"\1\2" if at < behind else b"") for at in range(COUNT)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert {(it.code, it.verdict) for it in report.findings} == {(code, verdict)}
