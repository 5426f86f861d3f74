"""Damaged files of many groups: what lies whole is found and copied, what is lost is named, and nothing hangs."""

import json
import random
import struct

import h5py
import numpy as np
import pytest
from covering import seeds

from datacheck import rebuild, scan
from datacheck.backends.hdf5.recovery.recover import recovery

DEMOS = 30
MEMBERS = ("actions", "obs/pos", "rewards")


def store(path, libver="earliest", demos=DEMOS):
    """Write demonstrations as robomimic does: the attributes of the group above them come last."""
    made = np.random.default_rng(1)
    with h5py.File(path, "w", libver=libver) as file:
        data = file.create_group("data")
        for number in range(demos):
            demo = data.create_group(f"demo_{number}")
            steps = 10 + number % 4
            demo["actions"] = made.normal(size=(steps, 7))
            demo["obs/pos"] = made.normal(size=(steps, 3))
            demo["rewards"] = made.normal(size=steps)
            demo.attrs["num_samples"] = steps
            demo.attrs["model_file"] = "<xml>" + "x" * 300
        data.attrs["total"] = demos
        data.attrs["env_args"] = json.dumps({"env": "a" * 500})
    return path


def held(path):
    """Return the values of each demonstration by its path, of those that have all of their members."""
    found = {}

    def visit(name, it):
        if isinstance(it, h5py.Group) and all(member in it for member in MEMBERS):
            found[name] = tuple(it[member][()].tobytes() for member in MEMBERS)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def ends(path):
    """Return where the last byte of each demonstration's values lies in the file."""
    with h5py.File(path) as file:
        return {
            f"data/{name}": max(demo[it].id.get_offset() + demo[it].id.get_storage_size() for it in MEMBERS)
            for name, demo in file["data"].items()
        }


def copied(path):
    copy = path.with_name("copy.h5")
    rebuild(path, copy, drop_bad=True, workers=1)
    assert scan(copy, workers=1).status == 0
    return held(copy)


def places(path, sign):
    raw, found, at = path.read_bytes(), [], -1
    while (at := raw.find(sign, at + 1)) >= 0:
        found.append(at)
    return found


def overwrite(path, at, held):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(held)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_of_a_file_that_was_cut_the_demonstrations_before_the_cut_are_in_the_copy(tmp_path, libver):
    path = store(tmp_path / "store.h5", libver)
    sound, last = held(path), ends(path)
    size = int(path.stat().st_size * 0.9)
    with path.open("r+b") as file:
        file.truncate(size)
    whole = [name for name in sound if last[name] + 2000 < size]  # their headers lie before and right behind
    assert len(whole) > DEMOS * 0.8
    report = scan(path, workers=1)
    assert report.status == 1
    assert any("a part of the header of /data is lost" in it.message for it in report.findings)
    copy = copied(path)
    assert {sound[name] for name in whole} <= set(copy.values())
    if libver == "earliest":
        assert {name: copy[name] for name in whole} == {name: sound[name] for name in whole}
    else:
        assert any(it.code == "orphan" for it in report.findings)


def test_a_lost_node_of_the_group_costs_names_alone(tmp_path):
    path = store(tmp_path / "store.h5")
    sound = held(path)
    node = next(at for at in places(path, b"SNOD") if path.read_bytes()[at + 6] > 3)
    overwrite(path, node, bytes(8))
    copy = copied(path)
    assert set(copy.values()) == set(sound.values())
    assert len(set(copy) & set(sound)) >= DEMOS - 8


def test_nodes_whose_tree_is_lost_go_back_to_the_group_whose_names_they_have(tmp_path):
    path = store(tmp_path / "store.h5")
    sound = held(path)
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    raw = path.read_bytes()
    root = next(it for it in places(path, struct.pack("<Q", at)) if raw[it - 8 : it] != bytes(8))
    (tree,) = struct.unpack_from("<Q", raw, root + 16)
    assert raw[tree : tree + 4] == b"TREE"
    overwrite(path, tree, bytes(8))
    assert copied(path) == sound


def test_a_group_whose_header_is_lost_is_known_from_the_link_to_it(tmp_path):
    path = store(tmp_path / "store.h5")
    sound = held(path)
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    overwrite(path, at, bytes(16))
    assert any("the header of /data is damaged" in it.message for it in scan(path, workers=1).findings)
    assert copied(path) == sound


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_an_address_that_leads_to_another_object_is_found_by_the_count_of_links(tmp_path, libver):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", libver=libver) as file:
        for name in "abc":
            file[name] = np.arange(6) + ord(name)
        addresses = {name: h5py.h5o.get_info(file[name].id).addr for name in "abc"}
    raw = bytearray(path.read_bytes())
    at = raw.index(struct.pack("<Q", addresses["b"]))
    if libver == "latest":
        at = raw.index(b"b" + struct.pack("<Q", addresses["b"])) + 1
    struct.pack_into("<Q", raw, at, addresses["c"])
    if libver == "latest":
        from datacheck.backends.hdf5.structure.superblock import header_bytes, lookup3

        size = header_bytes(bytes(raw[48:]))
        raw[48 + size - 4 : 48 + size] = lookup3(bytes(raw[48 : 48 + size - 4])).to_bytes(4, "little")
    path.write_bytes(raw)
    report = scan(path, workers=1)
    said = [it for it in report.findings if it.code == "damaged-store"]
    assert [it.details["objects"] for it in said] == [["/b", "/c"]]
    rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert sorted(copy) == ["a", "orphan"]
        assert sorted(it[0] for it in copy["orphan"].values()) == [ord("b"), ord("c")]


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_hard_links_that_the_object_counts_are_sound(tmp_path, libver):
    with h5py.File(tmp_path / "store.h5", "w", libver=libver) as file:
        file["a"] = np.arange(6.0)
        file["b"] = file["c"] = file["a"]
        file["more/d"] = file["a"]
    assert scan(tmp_path / "store.h5", workers=1).status == 0


def test_a_dataset_is_not_read_without_filters_that_may_be_lost(tmp_path):
    """Its values would be what the filters made of them, and nobody could see that."""
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=np.arange(400.0), chunks=(100,), compression="gzip", shuffle=True)
        for number in range(30):
            data.attrs[f"attribute {number}"] = "x" * 50
    raw = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    from datacheck.backends.hdf5.recovery.headers import CONTINUATION, FILTERS, header
    from datacheck.backends.hdf5.recovery.raw import Raw

    with path.open("rb") as file:
        made = header(Raw(file.fileno(), 0, len(raw)), at)
    (filters,) = [it for it in made.messages if it.kind == FILTERS]
    struct.pack_into("<H", raw, filters.at, CONTINUATION)  # as if it had been moved behind the end
    struct.pack_into("<QQ", raw, filters.at + 8, len(raw) + 1000, 64)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert report.status == 1
    assert any("/data cannot be opened" in it.message for it in report.findings)
    assert report.checked == 0


@pytest.mark.parametrize("seed", seeds(12))
def test_whatever_is_damaged_ends_in_findings_and_no_value_is_changed(tmp_path, seed):
    """Random damage to structure, and circles in it: what has its name in a copy has its values, and no other ones."""
    pick = random.Random(seed)
    path = store(tmp_path / "store.h5", pick.choice(["earliest", "latest"]), demos=8)
    sound = held(path)
    raw = bytearray(path.read_bytes())
    signs = (b"SNOD", b"TREE", b"HEAP", b"OHDR", b"OCHK", b"FRHP", b"BTHD", b"\x10\0\x10\0")
    spots = [at for sign in signs for at in places(path, sign)]
    for _ in range(pick.randint(1, 3)):
        at = pick.choice(spots)
        how = pick.randrange(4)
        if how == 0:
            raw[at : at + 8] = bytes(8)
        elif how == 1:
            size = 16 if raw[at] == 16 else 40  # a continuation: the next message may be where values lie, unchecked
            raw[at + 8 : at + 8 + size] = pick.randbytes(size)
        elif how == 2:  # an address that leads to another part, and maybe in a circle
            struct.pack_into("<Q", raw, at + 8 * pick.randint(1, 5), pick.choice(spots))
        else:
            raw = raw[: max(200, at + pick.randrange(60))]
            break
    path.write_bytes(raw)
    scan(path, workers=1)
    made = recovery(path, frozenset([b"", b"/data"]))
    assert made is None or len(made.behind) < 1 << 20
    copy = tmp_path / "copy.h5"
    receipt = rebuild(path, copy, drop_bad=True, workers=1)
    if receipt.written:
        for name, values in held(copy).items():
            assert values == sound[name] if name in sound else values in sound.values()
