"""Files made of what looks like structure: the work of recovering them is bounded, and what is passed over is said."""

import struct

import h5py
import numpy as np
import pytest

from datacheck import scan
from datacheck.backends.hdf5 import walking
from datacheck.backends.hdf5.file import opened
from datacheck.backends.hdf5.recovery import raw, recover
from datacheck.backends.hdf5.recovery.groups import ORPHAN_BYTES, ORPHANS
from datacheck.backends.hdf5.recovery.raw import KEPT, Raw
from datacheck.backends.hdf5.recovery.recover import recovery
from datacheck.backends.hdf5.structure.superblock import lookup3

BLOB = 1 << 20
NOWHERE = (1 << 64) - 1


def new_header(*messages):
    body = b"".join(struct.pack("<BHB", kind, len(held), 0) + held for kind, held in messages)
    made = b"OHDR\x02\x02" + struct.pack("<I", len(body)) + body
    return made + struct.pack("<I", lookup3(made))


def old_header(*messages):
    body = b"".join(struct.pack("<HHBxxx", kind, len(held), 0) + held for kind, held in messages)
    return struct.pack("<BBHIII", 1, 0, len(messages), 1, len(body), 0) + body


def link(name, address):
    return b"\x01\x01" + struct.pack("<H", len(name)) + name + struct.pack("<Q", address)


def large_headers(at):
    return b"OHDR\x02\x02" + struct.pack("<I", 500_000)


def headers_of_datasets(at):
    space, kind = b"\x02\x01\0\x01" + struct.pack("<Q", 4), b"\x10\x08\0\0\x08\0\0\0\0\0\x40\0"
    return new_header((1, space), (3, kind), (8, b"\x03\x01" + struct.pack("<QQ", at, 32)))


def groups_in_groups(at):
    size = len(new_header((6, link(b"a" * 3000, 0))))
    return b"".join(new_header((6, link(b"a" * 3000, at + size * nth))) for nth in range(1, BLOB // size))


def continuations_to_all(at):
    return old_header(*[(16, struct.pack("<QQ", at + 64 * nth, BLOB // 2)) for nth in range(200)])


def nodes(at):
    entries = (struct.pack("<QQI4x16x", 8 * nth, at, 0) for nth in range(8))
    return b"SNOD\x01\0\x08\0" + b"".join(entries)


def heaps(at):
    return b"HEAP\0\0\0\0" + struct.pack("<QQQ", BLOB // 2, 1, at + 8) + bytes(8)


def blocks_of_a_heap(at):
    group = new_header((2, b"\0\0" + struct.pack("<QQ", at + 1, NOWHERE)), (10, b"\0\0"))
    return group + (b"FHDB\0" + struct.pack("<Q", at + 1) + bytes(11)) * 2000


def tables_of_one_long_name(at):
    heap = b"HEAP\0\0\0\0" + struct.pack("<QQQ", BLOB // 2, 1, at + 32) + bytes(8) + b"x" * (BLOB // 2 - 8)
    node = b"SNOD\x01\0" + struct.pack("<H", 4000)
    node += b"".join(struct.pack("<QQI4x16x", 8 + nth, at, 0) for nth in range(4000))
    tree = b"TREE\0\0" + struct.pack("<HQQQQQ", 1, NOWHERE, NOWHERE, 0, at + len(heap), 0)
    table = old_header((17, struct.pack("<QQ", at + len(heap + node), at)))
    return heap + node + tree + table * 2000


ATTACKS = (
    large_headers,
    headers_of_datasets,
    groups_in_groups,
    continuations_to_all,
    nodes,
    heaps,
    blocks_of_a_heap,
    tables_of_one_long_name,
)


def attacked(path, attack):
    """Write a file of which one group is damaged, and of which most bytes are those of an attack."""
    with h5py.File(path, "w") as file:
        for number in range(5):
            file[f"data/demo_{number}/actions"] = np.full((4, 3), number + 1.0)
        blob = file.create_dataset("blob", data=np.zeros(BLOB, "u1"))
        at, header = blob.id.get_offset(), h5py.h5o.get_info(file["data"].id).addr
    part = attack(at)
    held = (part * (BLOB // len(part) + 1))[:BLOB]
    with path.open("r+b") as file:
        file.seek(header)
        file.write(bytes(16))
        file.seek(at)
        file.write(held)
    return path


@pytest.mark.parametrize("attack", ATTACKS)
def test_work_ends_at_what_the_file_is_worth(tmp_path, monkeypatch, attack):
    path = attacked(tmp_path / "store.h5", attack)
    made, hashed = [], []
    real = Raw.__post_init__
    monkeypatch.setattr(Raw, "__post_init__", lambda self: (made.append(self), real(self))[1])
    monkeypatch.setattr(raw, "lookup3", lambda held: hashed.append(len(held)) or lookup3(held))
    recovered = recovery(path, frozenset([b"/data"]))
    assert recovered is not None
    (it,) = made
    one_more = raw.READ + raw.PART * (1 << 16) + BLOB  # the last read, or what it is taken apart into
    assert it.done <= 1.5 * it.worth + one_more
    assert it.kept <= KEPT + BLOB
    assert sum(hashed) <= 1.5 * it.worth / raw.HASHED_BYTE
    assert len(recovered.behind) < 2 << 20


def test_of_too_many_objects_that_nothing_leads_to_the_first_are_shown(tmp_path):
    path = attacked(tmp_path / "store.h5", headers_of_datasets)
    made = recovery(path, frozenset([b"/data"]))
    assert made is not None
    assert not made.whole
    with opened(path, made) as file:
        assert len(file.file["orphan"]) == ORPHANS + path.stat().st_size // ORPHAN_BYTES
        assert sorted(file.file["data"]) == [f"demo_{number}" for number in range(5)]


def test_what_the_file_leads_to_is_recovered_whatever_else_there_is(tmp_path):
    path = attacked(tmp_path / "store.h5", heaps)
    report = scan(path, workers=1)
    assert any("the header of /data is damaged" in it.message for it in report.findings)
    with h5py.File(path) as file:
        rows = file["blob"].shape[0]
    assert report.checked == rows + 5 * 4


@pytest.mark.parametrize(("name", "value"), [("WORK", 400_000), ("KEPT", 2_000)])
def test_where_a_bound_is_hit_it_is_said_and_not_taken_for_a_fault(tmp_path, monkeypatch, name, value):
    path = attacked(tmp_path / "store.h5", nodes)
    monkeypatch.setattr(raw, "WORK_PER_BYTE", 0)
    monkeypatch.setattr(raw, name, value)
    made = recovery(path, frozenset([b"/data"]))
    assert made is not None
    (said,) = [it for it in made.findings if "more of what looks like its structure" in it.message]
    assert (said.code, said.verdict, made.whole) == ("damaged-store", "unverifiable", False)


def test_too_little_memory_is_said(tmp_path, monkeypatch):
    path = attacked(tmp_path / "store.h5", nodes)

    def short(*_):
        raise MemoryError

    monkeypatch.setattr(recover, "recovery", short)
    walking.contents_of.cache_clear()
    status = path.stat()
    options = walking.StoreOptions()
    contents = walking.contents_of(path, status.st_size, status.st_mtime_ns, options, None)
    assert [(it.code, it.verdict) for it in contents.findings if "too little memory" in it.message] == [
        ("too-large", "unverifiable")
    ]
    assert any(it.code == "damaged-store" for it in contents.findings)
