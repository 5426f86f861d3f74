"""A virtual dataset is as good as what lies under it: the rows of one damaged chunk are lost, and no others."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS, HALF = 256, 128


def store(path, *, filters=None, layout="rows"):
    """Two datasets, and one in a group of its own that shows both, one behind the other or side by side."""
    rng = np.random.default_rng(1)
    with h5py.File(path, "w", libver="latest") as file:
        for at in range(2):
            values = rng.normal(size=(HALF, 8)).astype("f4")
            file.create_dataset(f"part{at}", data=values, chunks=(4, 8), **(filters or {"fletcher32": True}))
        shape = (ROWS, 8) if layout == "rows" else (HALF, 16)
        shown = h5py.VirtualLayout(shape, "f4")
        for at in range(2):
            source = h5py.VirtualSource(".", f"part{at}", (HALF, 8))
            if layout == "rows":
                shown[at * HALF : (at + 1) * HALF] = source
            else:
                shown[:, at * 8 : (at + 1) * 8] = source
        file.create_virtual_dataset("all/data", shown)
        file["all/label"] = np.arange(shape[0])


def spoil(path, dataset, row):
    with h5py.File(path) as file:
        chunk = file[dataset].id.get_chunk_info_by_coord((row, 0))
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset + 20] ^= 0xFF
    path.write_bytes(raw)


@pytest.mark.parametrize("filters", [{"fletcher32": True}, {"compression": "gzip"}])
@pytest.mark.parametrize(("layout", "part", "row", "lost"), [
    ("rows", "part0", 20, range(20, 24)),
    ("rows", "part1", 127, range(252, 256)),
    ("beside", "part1", 20, range(20, 24)),
])  # fmt: skip
def test_one_damaged_chunk_under_a_virtual_dataset_costs_its_own_rows(tmp_path, filters, layout, part, row, lost):
    path = tmp_path / "store.h5"
    store(path, filters=filters, layout=layout)
    with h5py.File(path) as file:
        sound = file["all/data"][:]
    assert scan(path, workers=1).status == 0
    spoil(path, part, row)
    report = scan(path, workers=1)
    of_all = [it.key for it in report.findings if it.key.startswith("/all[")]
    assert of_all == [f"/all[{at}]" for at in lost]
    assert report.bad == 8
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, accept_losses=True, workers=1)
    assert receipt.dropped == 8
    stay = np.delete(np.arange(len(sound)), list(lost))
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert copy["all/data"][:].tobytes() == sound[stay].tobytes()
        assert copy["all/label"][:].tolist() == stay.tolist()
    assert scan(tmp_path / "copy.h5", workers=1).status == 0


def test_every_chunk_under_a_virtual_dataset_may_be_damaged(tmp_path):
    path = tmp_path / "store.h5"
    store(path)
    for part in ("part0", "part1"):
        for row in range(0, HALF, 4):
            spoil(path, part, row)
    report = scan(path, workers=1)
    assert {it.key for it in report.findings if it.key.startswith("/all[")} == {f"/all[{at}]" for at in range(ROWS)}


def test_rows_of_a_virtual_dataset_that_no_source_has_are_said(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = np.arange(40.0).reshape(10, 4) + 1, np.arange(40.0).reshape(10, 4) + 50
        shown = h5py.VirtualLayout((40, 4), "f8")
        shown[:10] = h5py.VirtualSource(".", "a", (10, 4))
        shown[15:25] = h5py.VirtualSource(".", "b", (10, 4))
        file.create_virtual_dataset("data", shown)
        whole = h5py.VirtualLayout((20, 4), "f8")
        whole[::2] = h5py.VirtualSource(".", "a", (10, 4))
        whole[1::2] = h5py.VirtualSource(".", "b", (10, 4))
        file.create_virtual_dataset("woven", whole)
    said = [it for it in scan(path, workers=1).findings if it.code == "unwritten"]
    assert [(it.details["dataset"], it.details["ranges"]) for it in said] == [("/data", [[10, 14], [25, 39]])]


@pytest.mark.own_workers  # a worker looks once at a file that does not change, and at what lies beside it
def test_of_the_sources_of_a_virtual_dataset_the_one_that_is_not_there_is_named(tmp_path):
    with h5py.File(tmp_path / "0.h5", "w") as source:
        source["data"] = np.ones((10, 4))
    with h5py.File(tmp_path / "store.h5", "w") as file:
        shown = h5py.VirtualLayout((20, 4), "f8")
        for number in range(2):
            shown[10 * number : 10 * number + 10] = h5py.VirtualSource(f"{number}.h5", "data", (10, 4))
        file.create_virtual_dataset("data", shown)
    (finding,) = scan(tmp_path / "store.h5", workers=1).findings
    assert (finding.code, finding.verdict) == ("missing", "bad")
    assert finding.message == "/data is a virtual dataset with a source that is in a file that is not there: 1.h5:data"
    (tmp_path / "1.h5").write_bytes((tmp_path / "0.h5").read_bytes())
    (finding,) = scan(tmp_path / "store.h5", workers=1).findings
    assert finding.code == "unsupported"
    assert finding.message.endswith("that is in another file: 0.h5:data; not followed")


def virtual(file, name, *sources, shape=(20, 4)):
    layout = h5py.VirtualLayout((len(sources) * shape[0], *shape[1:]), "f8")
    for at, (of, path) in enumerate(sources):
        layout[at * shape[0] : (at + 1) * shape[0]] = h5py.VirtualSource(of, path, shape)
    file.create_virtual_dataset(name, layout)


def test_a_source_that_is_not_there_is_named_behind_other_virtual_datasets_too(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["own"] = np.arange(80.0).reshape(20, 4)
        virtual(file, "a", ("gone.h5", "data"))
        virtual(file, "b", (".", "/own"), (".", "/a"))
        virtual(file, "c", (".", "/b"))
    its = {it.details["path"]: it for it in scan(tmp_path / "store.h5", workers=1).findings}
    assert {path: (it.code, it.details["target"]) for path, it in its.items()} == dict.fromkeys(
        ("/a", "/b", "/c"), ("missing", "gone.h5:data")
    )


def test_values_outside_that_are_not_there_are_named_behind_a_virtual_dataset(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("raw", (20, 4), "f8", external=[("gone.raw", 0, 640)])
        virtual(file, "shown", (".", "/raw"))
    its = scan(tmp_path / "store.h5", workers=1).findings
    assert {it.details["path"]: (it.code, it.details["elsewhere"]) for it in its} == dict.fromkeys(
        ("/raw", "/shown"), ("missing", "gone.raw")
    )


def woven(path, levels, rows=1 << 10):
    """Datasets that each show the halves of the one before in turn, as it is done to shuffle without a copy."""
    with h5py.File(path, "w", libver="latest") as file:
        file["level_00"] = np.random.default_rng(1).normal(size=rows)
        for level in range(1, levels + 1):
            before = h5py.VirtualSource(".", f"level_{level - 1:02}", (rows,))
            shown = h5py.VirtualLayout((rows,), "f8")
            shown[0::2], shown[1::2] = before[: rows // 2], before[rows // 2 :]
            file.create_virtual_dataset(f"level_{level:02}", shown)
    return path


def test_virtual_datasets_one_behind_the_other_are_read(tmp_path):
    report = scan(woven(tmp_path / "a.h5", 6), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


def test_those_that_double_with_each_level_are_not_followed_without_end(tmp_path):
    report = scan(woven(tmp_path / "a.h5", 30), workers=1)
    said = {it.details["path"]: it.message for it in report.findings}
    assert {(it.code, it.verdict) for it in report.findings} == {("unsupported", "unverifiable")}
    assert (sorted(said), report.status) == ([f"/level_{it:02}" for it in range(16, 31)], 3)
    assert said["/level_30"].endswith("leads to more than 65,536 datasets one by one: .:level_15; not followed")
