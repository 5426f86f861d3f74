"""Test stores whose checksums all match although something was removed or moved."""

import pytest
from building import key
from leveldb_building import batch, edit, scanned, write_log, write_log_store, write_store

BATCHES = [batch(number, [(key(number), b"v%d" % number)]) for number in range(1, 9)]


def log_of(folder, batches):
    return write_store(folder / "it", logs={3: batches})


def said(path):
    layout, found, records = scanned(path)
    assert found == []
    return [(it.code, it.verdict, it.message) for it in layout], records


def test_records_in_the_order_they_were_written_in_are_sound(tmp_path):
    empty = batch(9, [])
    several = batch(9, [(key(9), b"a"), (key(9), None), (key(10), b"b")])
    last = batch(12, [(key(11), b"c")])
    findings, records = said(log_of(tmp_path, [*BATCHES, empty, several, last]))
    assert (findings, len(records)) == ([], 10)


def test_a_record_that_was_taken_out_of_a_log_leaves_the_rest_undecided(tmp_path):
    ((code, verdict, message),), records = said(log_of(tmp_path, [*BATCHES[:3], *BATCHES[5:]]))
    assert (code, verdict, len(records)) == ("damaged-store", "unverifiable", 6)
    assert "the numbers of 2 writes are missing before it" in message


@pytest.mark.parametrize(
    "order", [[1, 0, 2], [0, 1, 0, 2], [0, 5, 1, 2]], ids=["swapped", "written twice", "from elsewhere"]
)
def test_records_in_another_order_are_damage(tmp_path, order):
    ((code, verdict, message),), _ = said(log_of(tmp_path, [BATCHES[it] for it in order]))
    assert (code, verdict) == ("damaged-store", "bad")
    assert "a batch has lower numbers than the one before it" in message
    assert message.endswith("all that it holds was read")


def test_a_log_that_is_damaged_otherwise_says_only_that(tmp_path):
    store = log_of(tmp_path, BATCHES)
    raw = bytearray((store / "000003.log").read_bytes())
    raw[60] ^= 1
    (store / "000003.log").write_bytes(raw)
    findings, _ = said(store)
    assert [code for code, _, _ in findings] == ["checksum"]


@pytest.mark.parametrize(
    ("tag", "what"),
    [(b"\x02", "which log is the live one"), (b"\3", "the number of the next file"), (b"\4", "the number of the last")],
)
def test_a_manifest_that_ends_between_two_edits_is_damage(tmp_path, tag, what):
    """LevelDB refuses such a store; what the lost edits said about tables and logs is not known."""
    store = write_log_store(tmp_path / "it", [(key(at), b"v") for at in range(5)])
    whole = {b"\x02": b"\x02\x03\x09\0", b"\3": b"\3\x63", b"\4": b"\4\x05"}
    assert edit({}, 3).endswith(whole[b"\x02"] + whole[b"\3"] + b"\4\x80\x80\x40")
    left = b"".join(number for it, number in whole.items() if it != tag)
    (store / "MANIFEST-000002").write_bytes(write_log([edit({}, None)[:28] + left]))
    findings, records = said(store)
    assert [(code, verdict) for code, verdict, _ in findings] == [("damaged-store", "bad")]
    assert f"it does not say {what}" in findings[0][2]
    assert len(records) == 5
