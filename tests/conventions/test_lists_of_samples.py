"""Test lists that name samples by what their keys have in common: `photo1` for photo1.jpg and photo1.txt."""

import hashlib
import json

import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [hashlib.md5(b"%d" % at).hexdigest()[:8] for at in range(40)]
PARTS = {"samples": ("", (".jpg", ".txt")), "folder": ("images/", (".jpg",))}


def store(before, parts, key, value, lost=(), cut=()):
    records = {
        f"{before}{name}{part}": picture(at) for at, name in enumerate(NAMES) for part in parts if part != ".txt"
    }
    records |= {f"{before}{name}.txt": b"about %d" % at for at, name in enumerate(NAMES) if ".txt" in parts}
    records = {of: it[:60] if of in cut else it for of, it in records.items() if of not in lost}
    return {of.encode(): it for of, it in records.items()} | {key: value}


def found(path, records):
    return [(it.code, it.verdict) for it in datacheck.scan(write(path, records), workers=1).findings]


def ids(names):
    return json.dumps(names).encode()


@pytest.mark.parametrize(("before", "parts"), PARTS.values(), ids=PARTS)
def test_a_list_is_compared_and_true_in_a_copy(tmp_path, before, parts):
    keys = [before + NAMES[7] + it for it in parts]
    assert found(tmp_path / "sound", store(before, parts, b"ids", ids(NAMES))) == []
    assert found(tmp_path / "lost", store(before, parts, b"ids", ids(NAMES), lost=keys)) == [("dangling", "bad")]
    source = write(tmp_path / "store", store(before, parts, b"ids", ids(NAMES), cut=keys[:1]))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert json.loads(copy[b"ids"]) == NAMES[:7] + NAMES[8:]
    assert copy.keys().isdisjoint(map(str.encode, keys))


VALUES = {
    "lines": (b"names", "\n".join(NAMES).encode(), lambda it: it.decode().split("\n")),
    "mapping": (b"labels", json.dumps(dict.fromkeys(NAMES, 1)).encode(), lambda it: list(json.loads(it))),
}


@pytest.mark.parametrize(("key", "value", "load"), VALUES.values(), ids=VALUES)
def test_lists_of_other_forms_are_true_in_a_copy(tmp_path, key, value, load):
    source = write(tmp_path / "store", store("", (".jpg", ".txt"), key, value, cut=[NAMES[7] + ".jpg"]))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert load(read(tmp_path / "copy")[key]) == NAMES[:7] + NAMES[8:]


def test_a_listed_sample_needs_all_parts(tmp_path):
    records = store("", (".jpg", ".png"), b"ids", ids(NAMES), lost=[NAMES[7] + ".png"])
    assert ("unpaired", "bad") in found(tmp_path / "store", records)


def test_classes_with_the_names_of_pictures_stay(tmp_path):
    records = {b"%d.jpg" % at: picture(at)[: 60 if at == 7 else None] for at in range(40)}
    classes = json.dumps([str(it) for it in range(10)]).encode()
    source = write(tmp_path / "store", records | {b"classes": classes, b"names": classes})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (copy[b"classes"], copy[b"names"]) == (classes, classes)
