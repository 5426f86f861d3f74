"""Test pages that look like leaves but are not: they give no records without a key."""

import struct

import pytest
from building import write_lmdb
from lmdb_building import BRANCH, LEAF, PAGE, File

import datacheck
from datacheck.backends.lmdb.pages import Pages


def records(count, width=8):
    return {b"%0*d" % (width, at): b"%d" % at for at in range(count)}


@pytest.mark.parametrize(("count", "width", "depth"), [(4000, 8, 2), (600, 400, 3)])
def test_a_branch_page_that_is_called_a_leaf_gives_no_records(tmp_path, count, width, depth):
    sound = write_lmdb(tmp_path / "sound", records(count, width))
    with Pages(sound / "data.mdb") as pages:
        root = pages.meta.main.root
        assert pages.meta.main.depth == depth
    branches = File(sound).pages(BRANCH)
    for page in {root, branches[0], branches[-1]}:
        file = File(sound)
        struct.pack_into("=H", file.raw, page * PAGE + file.header - 6, LEAF)
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / "data.mdb").write_bytes(file.raw)
        report = datacheck.scan(tmp_path / "broken", workers=1)
        assert report.counts["damaged-store"]
        assert "" not in [it.key for it in report.findings]
        assert report.source.records == report.checked == count
        copy = tmp_path / f"copy{page}"
        assert datacheck.rebuild(tmp_path / "broken", copy, drop_bad=True, workers=1).kept == count


def test_a_record_that_lost_its_key_is_named_by_its_page(tmp_path):
    sound = write_lmdb(tmp_path / "it", records(1000))
    file = File(sound)
    header = file.header
    page = file.pages(LEAF)[0]
    (offset,) = struct.unpack_from("=H", file.raw, page * PAGE + header)
    at = page * PAGE + offset + (header if header == 24 else 0)
    low, high, flags, size = struct.unpack_from("=4H", file.raw, at)
    struct.pack_into("=4H", file.raw, at, low + size, high, flags, 0)  # the node keeps its size
    (sound / "data.mdb").write_bytes(file.raw)
    report = datacheck.scan(sound, workers=1)
    said = [it.message for it in report.findings if it.code == "damaged-store"]
    assert said[0].startswith(f"page {page} (leaf, byte {page * PAGE:,}) has 1 record without a key")
    assert (report.status, report.source.records) == (1, 999)
