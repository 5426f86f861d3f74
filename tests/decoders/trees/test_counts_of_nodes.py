"""Numbers of nodes that are no count: nothing is known of the edges then, and the record is read to its end."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.json_text import JsonDecoder


@pytest.mark.parametrize(
    ("nodes", "codes"),
    [(float("nan"), []), (float("inf"), []), (np.array([[2]]), []), (1, ["dangling"]), (np.array([1]), ["dangling"])],
)
def test_number_of_nodes(nodes: object, codes: list[str]) -> None:
    record = pickle.dumps({"edge_index": np.array([[0, 1], [1, 0]]), "num_nodes": nodes})

    assert [it.code for it in PickleDecoder().read(record, None).findings] == codes


def test_number_of_nodes_in_json_that_is_nan() -> None:
    record = json.dumps({"edge_index": [[0, 1], [1, 0]], "num_nodes": float("nan")}).encode()

    fields = {it.name for it in JsonDecoder().read(record, None).fields}

    assert {"edge_index", "num_nodes"} <= fields
