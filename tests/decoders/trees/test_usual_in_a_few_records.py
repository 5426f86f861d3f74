"""Test that what one or two records of a small store do is not taken for what all of its records do."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 5


def findings(values, path):
    """Return the findings about records with these values."""
    report = scan(write_lmdb(path, {key(at): pickle.dumps(it) for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def test_time_that_one_of_a_few_records_lacks_is_suspicious(tmp_path):
    def values(missing):
        for at in range(COUNT):
            yield {"times": np.array(["2026-01-01", "NaT" if at in missing else "2026-02-01"], "M8[D]"), "x": 0.5 * at}

    assert findings(values([2]), tmp_path / "one") == [("00000002", "times", "nan", "suspicious")]
    assert findings(values([0, 2, 3]), tmp_path / "most") == []


@pytest.mark.parametrize("count", [1, 2])
def test_edge_beyond_the_nodes_of_one_or_two_graphs_is_bad(count, tmp_path):
    def graphs(last):
        for at in range(count):
            edges = np.array([[0, 1, 2, 3, last], [1, 2, 3, 4, 5]])
            yield {"x": np.linspace(at, at + 1, 30, dtype="f4").reshape(10, 3), "edge_index": edges}

    faulty = findings(graphs(99), tmp_path / "faulty")
    assert {(field, verdict) for _, field, _, verdict in faulty} == {("edge_index", "bad")}
    assert len(faulty) == count
    assert findings(graphs(9), tmp_path / "sound") == []


@pytest.mark.parametrize("last", [99, 9])
def test_edges_in_a_payload_within_the_record_are_judged_once(last, tmp_path):
    def values(faulty):
        for at in range(8 * COUNT):
            edges = np.array([[0, 1, 2, 3, last if at in faulty else 4], [1, 2, 3, 4, 5]])
            nodes = np.linspace(at, at + 1, 30, dtype="f4").reshape(10, 3)
            yield {"graph": pickle.dumps({"x": nodes, "edge_index": edges}), "y": at}

    one = [] if last == 9 else [("00000007", "graph/edge_index", "dangling", "bad")]
    assert findings(values([7]), tmp_path / "one") == one
    assert findings(values(range(8 * COUNT)), tmp_path / "all") == []
