"""Test that a wrapped value that ends early is broken, whatever its remaining part unpacks to."""

import pickle
import zlib

import numpy as np
import pytest
from convention_stores import write

import datacheck


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_wrapped_pickle_that_ends_early(tmp_path, protocol, share):
    records = {
        b"%05d" % at: zlib.compress(pickle.dumps({"id": at, "x": np.random.default_rng(at).random(8)}, protocol))
        for at in range(46)
    }
    records[b"00007"] = records[b"00007"][: int(share * len(records[b"00007"]))]
    (finding,) = datacheck.scan(write(tmp_path / "store", records)).findings
    assert (finding.key, finding.code, finding.verdict) == ("00007", "truncated", "bad")
