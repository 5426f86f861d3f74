"""Lists of more payloads in base64 than parts of a record are judged."""

import base64
import io
import json

import numpy as np
import pytest

from datacheck.decoders import decoder
from datacheck.decoders.trees import reading
from datacheck.model.blocks import Block

MOST = 6


def array():
    out = io.BytesIO()
    np.save(out, np.arange(5, dtype="f4"))
    return out.getvalue()


def listed(count, broken=None):
    texts = [base64.b64encode(array()[: -8 if at == broken else None]).decode() for at in range(count)]
    return json.dumps({"x": texts, "y": 1}).encode()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(reading, "LEAVES", MOST)


def findings(value):
    items = decoder("json").decode(Block([b"a"], [value]), [0], None)
    return [(it[1].field, it[1].code, it[1].verdict) for it in items if isinstance(it, tuple)]


def test_payloads_of_a_list_beyond_the_limit_are_not_passed_over_in_silence():
    assert findings(listed(MOST + 2, broken=MOST + 1)) == [("x[6]", "too-large", "unverifiable")]


def test_a_list_of_as_many_as_are_judged_is_sound():
    assert findings(listed(MOST)) == []


def cut(at, whole):
    return base64.b64encode(array()[: None if whole else -8]).decode() if at % 2 else float(at)


def test_a_payload_among_many_parts_is_named_by_its_own_place_or_key(monkeypatch):
    monkeypatch.setattr(reading, "LEAVES", 1 << 13)
    mixed = json.dumps({"x": [cut(at, at != 41) for at in range(80)]}).encode()
    assert findings(mixed) == [("x[41]", "truncated", "bad")]
    named = json.dumps({f"f{at}": cut(2 * at + 1, at != 41) for at in range(300)}).encode()
    assert findings(named) == [("f41", "truncated", "bad")]
    assert findings(named.replace(cut(1, False).encode(), cut(1, True).encode())) == []
