"""Where the parts of flat datasets begin and end: offsets of texts, spikes of cells, boxes of pictures."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNTS = np.random.default_rng(4).integers(3, 20, 50)
TOTAL = int(COUNTS.sum())
OFFSETS = np.r_[0, np.cumsum(COUNTS)]
NAMES = ["offsets", "doc_offsets", "indptr", "ptr", "cu_seqlens", "boundaries"]


def scanned(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return list(datacheck.scan(path, workers=1).findings)


def tokens(rows=TOTAL):
    return np.arange(rows, dtype="u2") % 977


def changed(numbers, at, to):
    numbers = numbers.copy()
    numbers[at] = to
    return numbers


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("last", [TOTAL + 1, TOTAL + 400])
def test_the_last_part_ends_with_the_last_row(tmp_path, name, last):
    (finding,) = scanned(tmp_path / "a.h5", tokens=tokens(), **{name: changed(OFFSETS, -1, last)})
    assert (finding.code, finding.verdict) == ("dangling", "bad")
    assert finding.message == f"/{name}[50] leads to row {last:,}; /tokens has {TOTAL:,} rows"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("to", [-3, 0])
def test_parts_follow_each_other(tmp_path, name, to):
    (finding,) = scanned(tmp_path / "a.h5", tokens=tokens(), **{name: changed(OFFSETS, 20, to)})
    assert (finding.code, finding.verdict) == ("dangling", "bad")
    assert finding.message.endswith(f"is {to}, which is before {OFFSETS[19]}: the rows do not rise")


@pytest.mark.parametrize("name", NAMES)
def test_rows_may_be_counted_from_one(tmp_path, name):
    assert scanned(tmp_path / "a.h5", tokens=tokens(), **{name: OFFSETS + 1}) == []
    (finding,) = scanned(tmp_path / "b.h5", tokens=tokens(), **{name: changed(OFFSETS + 1, -1, TOTAL + 2)})
    assert (finding.code, finding.verdict) == ("dangling", "bad")


def test_values_that_were_cut_are_named(tmp_path):
    (finding,) = scanned(tmp_path / "a.h5", values=tokens(TOTAL - 30).astype("f4"), offsets=OFFSETS)
    assert finding.code == "dangling"


def boxes(first, last, rows=TOTAL):
    return {
        "img_to_first_box": first,
        "img_to_last_box": last,
        "boxes": np.ones((rows, 4)) * np.arange(4),
        "scores": np.linspace(0, 1, rows),
    }


def test_boxes_of_pictures_end_with_the_last_box(tmp_path):
    first, last = OFFSETS[:-1], OFFSETS[1:] - 1
    (finding,) = scanned(tmp_path / "a.h5", **boxes(first, changed(last, -1, TOTAL + 3)))
    assert (finding.code, finding.verdict, finding.field) == ("dangling", "bad", "img_to_last_box")


def test_spikes_end_with_the_last_one(tmp_path):
    spikes = np.linspace(0, 9, TOTAL)
    its = {"spike_times": spikes, "spike_times_index": OFFSETS[1:]}
    assert scanned(tmp_path / "a.h5", **its) == []
    its["spike_times_index"] = changed(OFFSETS[1:], -1, TOTAL + 9)
    assert [it.code for it in scanned(tmp_path / "b.h5", **its)] == ["dangling"]


def units(path, index, *, numbered=False, declared=False):
    with h5py.File(path, "w") as file:
        file["spike_times"], file["spike_times_index"] = np.linspace(0, 9, TOTAL), index
        if numbered:
            file["id"] = np.arange(len(index))
        if declared:
            file["spike_times_index"].attrs["neurodata_type"] = "VectorIndex"
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("how", ["numbered", "declared"])
def test_ends_of_parts_are_certain_where_the_file_says_so(tmp_path, how):
    assert units(tmp_path / "a.h5", OFFSETS[1:], **{how: True}) == []
    beyond = changed(OFFSETS[1:], -1, TOTAL + 9)
    assert units(tmp_path / "b.h5", beyond, **{how: True}) == [("dangling", "bad")]


def test_an_index_may_select_rows_of_what_is_longer_elsewhere(tmp_path):
    """frames_index may be where each frame was in the video that it was taken from."""
    chosen = np.sort(np.random.default_rng(2).permutation(TOTAL + 12)[:60])
    chosen[-1] = TOTAL + 11
    its = {"frames": np.linspace(0, 9, TOTAL), "frames_index": chosen}
    assert {it.verdict for it in scanned(tmp_path / "a.h5", **its)} <= {"suspicious"}


def test_starts_alone_may_be_times(tmp_path):
    (finding,) = scanned(tmp_path / "a.h5", signal=tokens(), start=changed(OFFSETS[:-1], -1, TOTAL + 3))
    assert finding.verdict == "suspicious"


def test_windows_of_one_size_may_be_padded_at_the_end(tmp_path):
    start = np.arange(0, TOTAL, 25)
    its = {"signal": tokens(), "start": start, "end": start + 25}
    assert start[-1] < TOTAL < start[-1] + 25
    (finding,) = scanned(tmp_path / "a.h5", **its)
    assert (finding.verdict, finding.field) == ("suspicious", "end")
    (finding,) = scanned(tmp_path / "b.h5", **{**its, "end": changed(start + 25, -1, TOTAL + 900)})
    assert (finding.verdict, finding.field) == ("bad", "end")


@pytest.mark.parametrize("name", ["bin_boundaries", "offsets_ms"])
def test_of_numbers_in_other_units_nothing_is_certain(tmp_path, name):
    edges = np.r_[np.arange(0, TOTAL, 20), 8 * TOTAL]
    (finding,) = scanned(tmp_path / "a.h5", signal=tokens(), **{name: edges})
    assert finding.verdict == "suspicious"


@pytest.mark.parametrize("name", [*NAMES, "seqlens"])
def test_a_copy_does_not_leave_them_as_they_were(tmp_path, name):
    values = np.arange(TOTAL * 2, dtype="f4").reshape(TOTAL, 2)
    values[40, 1] = np.nan
    scanned(tmp_path / "a.h5", values=values, **{name: OFFSETS})
    with pytest.raises(datacheck.UsageError, match=f"/{name} may hold numbers of rows of /values"):
        datacheck.rebuild(tmp_path / "a.h5", tmp_path / "copy.h5", drop_bad=True)


EMPTY = np.where(np.arange(50) % 7 == 3, -1, OFFSETS[:-1])
SOUND = {
    "offsets": {"tokens": tokens(), "offsets": OFFSETS},
    "offsets without the last": {"tokens": tokens(), "offsets": OFFSETS[:-1]},
    "texts without tokens": {"tokens": tokens(), "offsets": np.where(np.arange(51) % 9 == 4, -1, OFFSETS)},
    "the greatest number for the end": {"tokens": tokens(), "offsets": np.r_[OFFSETS[:-1], 2**63 - 1]},
    "the same of 32 bits": {"tokens": tokens(), "offsets": np.r_[OFFSETS[:-1], 2**32 - 1].astype("u4")},
    "pictures without boxes": boxes(EMPTY, np.where(EMPTY < 0, -1, OFFSETS[1:] - 1)),
    "parts in another order": {"tokens": tokens(), "offsets": np.random.default_rng(1).permutation(OFFSETS)},
    "bytes of another file": {"tokens": tokens(), "offsets": OFFSETS * 7},
    "a place in each text": {"starts": OFFSETS, "ends": OFFSETS + 4, "text_length": OFFSETS + 9},
    "times that reach beyond": {"signal": tokens(), "start": np.linspace(0, 4 * TOTAL, 50).astype("i8")},
    "two shards, one after the other": {"tokens": tokens(), "offsets": np.r_[OFFSETS[:26], OFFSETS[:25] + 1]},
    "ends of edges": {"edge_index": np.arange(2 * TOTAL).reshape(2, -1) % 9, "edge_ptr": OFFSETS},
}


@pytest.mark.parametrize("name", SOUND)
def test_numbers_that_are_sound_or_something_else(tmp_path, name):
    assert scanned(tmp_path / "a.h5", **SOUND[name]) == []
