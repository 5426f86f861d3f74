"""Copies of HDF5 files, compared object by object with their sources by a walk of its own."""

import errno
import os
import shutil
import subprocess
import sys
import zlib

import h5py
import hdf5plugin
import numpy as np
import pytest
from covering import seeds

from datacheck.backends import open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from tests.building import fingerprint

COPIER = Hdf5Copier()


def finished(steps):
    """Return what a generator returns, and what it yields."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            return stop.value, seen


def drops_of(path, indexes, deadly=()):
    np.array(sorted(indexes), np.int64).tofile(path)
    return Drops(path, frozenset(deadly))


@pytest.fixture
def planned(tmp_path):
    def make(drops=(), **options):
        fills = options.pop("fills", None)
        deadly = options.pop("deadly", ())
        return Plan(
            options.pop("target", tmp_path / "copy.h5"),
            drops_of(tmp_path / "drops", drops, deadly),
            fills=None if fills is None else drops_of(tmp_path / "fills", fills),
            **options,
        )

    return make


def copied(source, plan):
    """Copy and verify; return what it came to."""
    reader = open_store(source)
    before = fingerprint(source)
    done, marks = finished(COPIER.copy(reader, plan))
    (records, digest), _ = finished(COPIER.verify(reader, plan))
    assert fingerprint(source) == before
    assert marks == sorted(marks)
    assert digest == done.digest
    assert records == done.kept
    assert marks[-1] == done.kept + done.dropped == reader.layout().records
    return done


def digest_of(source, plan):
    return finished(COPIER.verify(open_store(source), plan))[0][1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "source.h5"


KINDS = {
    "big": np.arange(60, dtype=">f8").reshape(20, 3),
    "half": np.linspace(-1, 1, 20, dtype=np.float16),
    "flag": np.arange(20) % 3 == 0,
    "complex": np.arange(20).astype(np.complex64) * 1j,
    "fixed": np.array([b"row %d  " % at for at in range(20)], "S8"),
    "opaque": np.arange(20).astype("datetime64[s]").astype(h5py.opaque_dtype(np.dtype("datetime64[s]"))),
    "compound": np.array([(at, (at, np.nan), b"ab") for at in range(20)], [("a", "<i2"), ("b", ">f4", 2), ("c", "S3")]),
    "array": np.arange(80, dtype="i4").reshape(20, 4),
}


def everything(path):
    """Write a file with one of each thing that a copy is to keep."""
    with h5py.File(path, "w", userblock_size=1024, libver="earliest", track_order=True) as file:
        file.attrs["zebra"] = "first"
        file.attrs["apple"] = np.float32(2.5)
        file.attrs["none"] = h5py.Empty("f4")
        pixels = np.random.default_rng(1).integers(0, 9, (20, 2, 5), dtype=np.int32)
        data = file.create_dataset(
            "data",
            data=pixels,
            chunks=(3, 2, 4),
            maxshape=(None, 2, 9),
            compression="gzip",
            compression_opts=7,
            shuffle=True,
            fletcher32=True,
            fillvalue=-7,
            track_order=True,
        )
        data.attrs["unit"] = np.array([b"mm", b"m "], "S2")
        data.attrs["aim"] = data.ref
        label = file.create_dataset("label", data=np.arange(20, dtype="u1"))
        label.attrs["z"], label.attrs["a"] = 1, 2
        label.make_scale("index")
        data.dims[0].attach_scale(label)
        data.dims[1].label = "height"
        names = file.create_dataset("names", (20,), h5py.string_dtype(), chunks=(4,), compression="gzip")
        names[:] = [f"näme {at}" * (at % 4) for at in range(20)]
        ragged = file.create_dataset("ragged", (20,), h5py.vlen_dtype(np.int16))
        for at in range(20):
            ragged[at] = np.arange(at % 5)
        file["kind"] = np.dtype([("x", "f4"), ("y", h5py.enum_dtype({"no": 0, "yes": 1}, "i1"))])
        file["kind"].attrs["about"] = "a committed type"
        typed = file.create_dataset("typed", (20,), dtype=file["kind"], chunks=(8,))
        typed["x"] = np.arange(20)
        typed.attrs.create("sample", np.zeros((), file["kind"].dtype), dtype=file["kind"])
        file.create_dataset("aims", data=np.array([data.ref, names.ref, h5py.Reference()] * 2, h5py.ref_dtype))
        file.create_dataset("regions", data=np.array([data.regionref[2:4]], h5py.regionref_dtype))
        file.create_dataset("scalar", data=3.25)
        file.create_dataset("null", data=h5py.Empty("i2"))
        file.create_dataset("single", data=np.array([np.float32(np.nan)]), chunks=(1,), fillvalue=np.float32(1))
        kinds = file.create_group("kinds", track_order=True)
        for name in ("zeta", "alpha", "mid"):
            kinds.create_group(name)
        for name, values in KINDS.items():
            kinds.create_dataset(name, data=values, chunks=(6, *values.shape[1:]), compression="lzf")
        kinds.create_dataset("scaled", data=np.arange(20), chunks=(6,), scaleoffset=0)
        kinds.create_dataset("zstd", data=np.arange(20), chunks=(6,), **hdf5plugin.Zstd())
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((20,))
        made = h5py.h5d.create(kinds.id, b"compact", h5py.h5t.STD_I32BE, space, compact)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(20, dtype=">i4"))
        kinds["same"] = kinds["big"]
        kinds["round"] = file["/"]
        file["soft"] = h5py.SoftLink("/kinds/half")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["external"] = h5py.ExternalLink("elsewhere.h5", "/data")
        file.create_group("empty")
        file["/"].id.set_comment(b"empty", b"nothing here")
    with path.open("r+b") as raw:
        raw.write(b"#! a user block")
    return path


def plain(value, file):
    """Return a value that compares: references by the name of what they point to."""
    if isinstance(value, h5py.RegionReference):
        return ("region", file[value].name, str(value and file[value].regionref.selection(value))) if value else None
    if isinstance(value, h5py.Reference):
        return file[value].name if value else None
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return [plain(it, file) for it in value.reshape(-1)]
    if isinstance(value, np.void) and value.dtype.hasobject:
        return [plain(value[name], file) for name in value.dtype.names]
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype, value.shape, value.tobytes()
    return repr(value)


def described(path, keep=lambda name, values: values):
    """Return what every object of a file is; `keep` returns the values that are to be compared."""
    out = {}
    with h5py.File(path) as file:

        def describe(name, item):
            it = {"type": type(item).__name__, "attributes": list(item.attrs)}
            for key in item.attrs:
                attribute = h5py.h5a.open(item.id, key.encode())
                it[key] = plain(item.attrs[key], file), attribute.get_type().committed(), attribute.shape
            if isinstance(item, h5py.Group):
                it["members"] = list(item), item.id.get_comment(b".")
            elif isinstance(item, h5py.Dataset):
                created = item.id.get_create_plist()
                it["dtype"] = item.dtype, item.id.get_type().committed(), item.id.get_type().encode()
                it["created"] = item.chunks, item.fillvalue if not item.dtype.hasobject else None, created.get_layout()
                it["created"] = plain(np.array(it["created"][1]), file), it["created"][::2]
                it["filters"] = [created.get_filter(at) for at in range(created.get_nfilters())]
                it["times"] = created.get_fill_time(), created.get_alloc_time()
                it["growth"] = item.chunks and item.maxshape
                it["values"] = None if item.shape is None else plain(np.asarray(keep(name, item[()])), file)
            return it

        done = {}

        def walk(group, prefix):
            for name in group:
                link = group.get(name, getlink=True)
                where = f"{prefix}/{name}"
                if isinstance(link, h5py.SoftLink):
                    out[where] = link.path
                elif isinstance(link, h5py.ExternalLink):
                    out[where] = (link.filename, link.path)
                else:
                    item = group[name]
                    addr = h5py.h5o.get_info(item.id).addr
                    out[where] = done.get(addr) or describe(where, item)
                    if done.setdefault(addr, where) == where and isinstance(item, h5py.Group):
                        walk(item, where)

        done[h5py.h5o.get_info(file.id).addr] = "/"
        out["/"] = describe("/", file)
        walk(file, "")
        out["user block"] = path.read_bytes()[: file.userblock_size]
        out["superblock"] = file.id.get_create_plist().get_version()
    return out


def without(drops, names):
    kept = [at for at in range(20) if at not in drops]
    return lambda name, values: values[kept] if name in names else values


ROOT = {f"/{name}" for name in ("data", "label", "names", "ragged", "typed")}


def test_a_file_without_drops_is_copied_byte_for_byte(path, planned):
    plan = planned()
    done = copied(everything(path), plan)
    assert plan.target.read_bytes() == path.read_bytes()
    assert (done.dropped, done.altered, done.held) == (0, 0, 0)


@pytest.mark.parametrize(
    "drops", [{0}, {19}, {4, 5, 6, 11}, {3, 4, 5}, set(range(0, 20, 2)), set(range(18)), set(range(20))], ids=str
)
def test_everything_around_the_dropped_rows_is_kept(path, planned, drops):
    everything(path)
    first = {table: low for table, low in bases(path).items() if table == "/data"}["/data"]
    plan = planned({first + at for at in drops})
    done = copied(path, plan)
    assert done.dropped == len(drops)
    source = described(path, without(drops, ROOT))
    copy = described(plan.target)
    region = source["/regions"].pop("values"), copy["/regions"].pop("values")
    assert region[0] != region[1] == [None]
    assert copy == source


def bases(path):
    """Return the index of the first record of each table."""
    first, found = 0, {}
    for shard in open_store(path).layout().shards:
        found.setdefault(shard.part.split("\n")[1], first)
        first += shard.records
    return found


def test_rows_of_every_type_leave_together(path, planned):
    everything(path)
    drops = {1, 7, 8}
    done = copied(path, planned({bases(path)["/kinds"] + at for at in drops}))
    assert done.dropped == 3
    names = {f"/kinds/{name}" for name in (*KINDS, "scaled", "zstd", "compact")}
    assert described(path.with_name("copy.h5")) == described(path, without(drops, names))


@pytest.mark.skipif(shutil.which("h5diff") is None, reason="h5diff of Debian's hdf5-tools is not installed")
def test_h5diff_finds_no_difference_around_the_table(path, planned):
    """Whole files with a loop of groups kill version 1.10.8 of the tool, so it gets each object by its name."""
    everything(path)
    plan = planned({bases(path)["/kinds"] + 19})
    copied(path, plan)
    for name in ("data", "label", "names", "ragged", "typed", "scalar", "single", "regions", "empty", "kinds/zeta"):
        done = subprocess.run(["h5diff", "-v", path, plan.target, f"/{name}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 differences found" in done.stdout or name in ("empty", "kinds/zeta")


def test_whole_chunks_are_copied_as_they_are_stored(path, planned):
    """Another library's deflate is marked by its bytes: a level that no one would choose again."""
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (40, 4), "i4", chunks=(4, 4), compression="gzip", compression_opts=1)
        data[:] = np.arange(160).reshape(40, 4)
        stored = zlib.compress(data[8:12].tobytes(), 0)
        data.id.write_direct_chunk((8, 0), stored)
        data.id.write_direct_chunk((20, 0), stored)
    plan = planned({12, 13, 14, 15, 30})
    copied(path, plan)
    with h5py.File(path) as source, h5py.File(plan.target) as copy:
        chunks = [copy["data"].id.read_direct_chunk((at, 0)) for at in (0, 8, 16)]
        assert chunks == [source["data"].id.read_direct_chunk((at, 0)) for at in (0, 8, 20)]
        assert chunks[1] == (0, stored)
        assert (copy["data"][:] == np.delete(source["data"][:], [12, 13, 14, 15, 30], 0)).all()


def test_chunks_that_are_not_stored_stay_so(path, planned):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (100_000, 10), "f8", chunks=(100, 10), fillvalue=np.nan)[5000:5003] = 1
    plan = planned({7})
    copied(path, plan)
    assert plan.target.stat().st_size < 100_000
    with h5py.File(plan.target) as copy:
        assert (copy["data"][4999:5002] == 1).all()
        assert np.isnan(copy["data"][5002:]).all()


def spoil(path, dataset, row):
    with h5py.File(path) as file:
        stored = file[dataset].id.get_chunk_info_by_coord((row, *(0 for _ in file[dataset].shape[1:])))
    with path.open("r+b") as raw:
        raw.seek(stored.byte_offset + stored.size // 2)
        raw.write(b"\xff\x00" * 4)


def test_rows_of_a_damaged_chunk_are_never_read(path, planned, tmp_path):
    values = np.random.default_rng(3).normal(size=(30, 6))
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(4, 6), compression="gzip", fletcher32=True)
        file.create_dataset("label", data=np.arange(30))
    spoil(path, "data", 8)
    plan = planned({8, 9, 10, 11, 20}, quarantine=tmp_path / "held.h5")
    done = copied(path, plan)
    assert (done.kept, done.dropped, done.held) == (25, 5, 1)
    with h5py.File(plan.target) as copy:
        assert (copy["data"][:] == np.delete(values, [8, 9, 10, 11, 20], 0)).all()
    with h5py.File(plan.quarantine) as held:
        assert held["label"][:].tolist() == [20]
        assert (held["data"][:] == values[20]).all()


def test_values_that_are_not_finite_are_filled(path, planned):
    odd = np.frombuffer(b"\x01\x00\xa0\x7f", "<f4")[0]
    data = np.arange(60, dtype=">f4").reshape(20, 3)
    data[[2, 9, 15], [0, 1, 2]] = np.nan, -np.inf, odd
    pair = np.zeros(20, [("n", "i4"), ("v", "<f2", 2), ("in", [("w", "<f8")])])
    pair["v"][9, 1] = np.inf
    pair["in"]["w"][3] = np.nan
    names = [f"name {at}" for at in range(20)]
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, chunks=(4, 3), compression="lzf")
        file.create_dataset("pair", data=pair)
        file.create_dataset("names", data=names)
    plan = planned({0, 2}, fills=[2, 3, 9, 12], fill=0.5)
    done = copied(path, plan)
    assert (done.kept, done.dropped, done.altered) == (18, 2, 2)
    data[9, 1] = pair["v"][9, 1] = pair["in"]["w"][3] = 0.5
    with h5py.File(plan.target) as copy:
        assert copy["data"][:].tobytes() == np.delete(data, [0, 2], 0).tobytes()
        assert copy["pair"][:].tobytes() == np.delete(pair, [0, 2]).tobytes()
        assert list(copy["names"].asstr()) == names[1:2] + names[3:]


def test_the_quarantine_has_the_dropped_rows(path, planned, tmp_path):
    everything(path)
    first = bases(path)["/data"]
    plan = planned({first + 3, first + 4, first + 17}, quarantine=tmp_path / "held", deadly={"/data[4]"})
    assert copied(path, plan).held == 2
    with h5py.File(path) as source, h5py.File(plan.quarantine) as held:
        assert (held["data"][:] == source["data"][[3, 17]]).all()
        assert held["names"][:].tolist() == source["names"][[3, 17]].tolist()
        assert held["data"].attrs["unit"].tolist() == source["data"].attrs["unit"].tolist()
        assert held["kinds/big"].shape == (0, 3)
        assert list(held["kinds"])[:3] == ["zeta", "alpha", "mid"]
        assert "scalar" not in held


def value(file):
    file["kinds/big"][3, 1] += 1


def negative_zero(file):
    file["typed"][0] = (-0.0, 0)


def attribute(file):
    file["data"].attrs.modify("unit", np.array([b"mm", b"m\0"], "S2"))


def text(file):
    file["names"][5] = "other"


def reference(file):
    file["aims"][0] = file["names"].ref


def link(file):
    del file["soft"]
    file["soft"] = h5py.SoftLink("/kinds/big")


def hard_link(file):
    del file["kinds/same"]
    file.copy("kinds/big", "kinds/same")


def group(file):
    file.create_group("more")


def growth(file):
    file["data"].resize(30, 0)


def fill_value(file):
    values = file["single"][:]
    del file["single"]
    file.create_dataset("single", data=values, chunks=(1,), fillvalue=np.float32(2))


def another_filter(file):
    values = file["kinds/half"][:]
    del file["kinds/half"]
    file.create_dataset("kinds/half", data=values, chunks=(6,), compression="gzip")


def payload(file):
    file["single"][:] = np.frombuffer(b"\x01\x00\xc0\x7f", "<f4")


@pytest.mark.parametrize(
    "tamper",
    [
        value,
        negative_zero,
        attribute,
        text,
        reference,
        link,
        hard_link,
        group,
        growth,
        fill_value,
        another_filter,
        payload,
    ],
    ids=lambda tamper: tamper.__name__,
)
def test_a_change_in_the_copy_is_noticed(path, planned, tamper):
    everything(path)
    plan = planned({bases(path)["/data"] + 5})
    done = copied(path, plan)
    with h5py.File(plan.target, "r+") as copy:
        tamper(copy)
    assert digest_of(path, plan) != done.digest


def test_a_change_in_a_copy_of_bytes_is_noticed(path, planned):
    plan = planned()
    done = copied(everything(path), plan)
    with plan.target.open("r+b") as raw:
        raw.seek(-3, os.SEEK_END)
        raw.write(b"x")
    assert digest_of(path, plan) != done.digest


def test_a_folder_keeps_its_other_files(tmp_path, planned):
    folder = tmp_path / "folder"
    (folder / "more").mkdir(parents=True)
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "notes.txt").write_text("about")
    (folder / "more" / "x.bin").write_bytes(b"\0\1")
    for name in ("a.h5", "b.h5", "c.h5"):
        with h5py.File(folder / name, "w") as file:
            file["data"] = np.arange(10)
    plan = planned({12, 13, 29}, target=tmp_path / "copy", quarantine=tmp_path / "held")
    reader = open_store(folder)
    done = finished(COPIER.copy(reader, plan))[0]
    assert finished(COPIER.verify(reader, plan))[0] == (done.kept, done.digest)
    assert (done.kept, done.dropped, done.held) == (27, 3, 3)
    assert COPIER.objections(open_store(folder)) == ["pipe: neither a file nor a folder; not copied"]
    (folder / "pipe").unlink()
    assert sorted(it.name for it in plan.target.rglob("*")) == sorted(it.name for it in folder.rglob("*"))
    assert (plan.target / "a.h5").read_bytes() == (folder / "a.h5").read_bytes()
    assert (plan.target / "more" / "x.bin").read_bytes() == b"\0\1"
    with h5py.File(plan.target / "b.h5") as copy:
        assert copy["data"][:].tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    assert sorted(it.name for it in plan.quarantine.iterdir()) == ["b.h5", "c.h5"]
    (plan.target / "notes.txt").write_text("other")
    assert digest_of(folder, plan) != done.digest


def test_a_list_is_copied_with_its_files(tmp_path, planned):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with h5py.File(tmp_path / name / "a.h5", "w") as file:
            file["data"] = np.arange(4)
    (tmp_path / "train.txt").write_text("one/a.h5\ntwo/a.h5\n")
    plan = planned({5}, target=tmp_path / "copy")
    copied(tmp_path / "train.txt", plan)
    assert open_store(plan.target / "train.txt").layout().records == 7
    assert (plan.target / "train.txt").read_text().split() == ["a.h5", "1-a.h5"]
    assert COPIER.objections(open_store(tmp_path / "train.txt")) == []


def test_what_lies_outside_stays_outside(path, planned, tmp_path):
    (tmp_path / "raw.bin").write_bytes(np.arange(8, dtype="i4").tobytes())
    layout = h5py.VirtualLayout((6,), "i8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", (6,))
    within = h5py.VirtualLayout((6,), "i8")
    within[:3] = h5py.VirtualSource(".", "data", (6,))[3:]
    within[3:] = h5py.VirtualSource(".", "data", (6,))[:3]
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(6)
        file.create_virtual_dataset("outside", layout)
        file.create_virtual_dataset("turned", within, fillvalue=-1)
        file.create_group("other").create_virtual_dataset("view", within)
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_external(b"raw.bin", 0, 32)
        created.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple((8,))
        h5py.h5d.create(file.id, b"raw", h5py.h5t.NATIVE_INT32, space, created)
        file["unnamed"] = h5py.SoftLink("outside")
    before = (tmp_path / "raw.bin").read_bytes()
    # The virtual dataset of the same file stands beside what it shows, as rows of the same table.
    first = bases(path).get("/", 0)
    plan = planned({first + 1})
    done = copied(path, plan)
    assert done.dropped == 1
    with h5py.File(plan.target) as copy:
        assert copy["data"][:].tolist() == [0, 2, 3, 4, 5]
        assert copy["turned"][:].tolist() == [3, 5, 0, 1, 2]
        assert copy["other/view"][:].tolist() == [3, 4, 5, 0, 1, 2]
        assert copy["outside"].is_virtual
        assert copy["raw"].external == [("raw.bin", 0, 32)]
        assert copy["raw"].shape == (8,)
    assert (tmp_path / "raw.bin").read_bytes() == before
    said = "\n".join(COPIER.objections(open_store(path)))
    for name in ("/outside is a virtual", "/turned is a virtual", "/raw: its values lie", "/outside has as many rows"):
        assert name in said


def test_objections_name_what_is_lost(path):
    everything(path)
    said = COPIER.objections(open_store(path))
    assert [it.split(" ")[0] for it in said] == ["/regions"]


def test_a_filter_that_is_missing_is_not_needed(path, planned):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(10)
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((2,))
        created.set_filter(307 + 60000, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        space = h5py.h5s.create_simple((4,))
        made = h5py.h5d.create(file.id, b"strange", h5py.h5t.NATIVE_INT32, space, created)
        made.write_direct_chunk((0,), b"not numbers", 0)
    plan = planned({3})
    done = copied(path, plan)
    with h5py.File(plan.target, "r+") as copy:
        strange = copy["strange"].id
        assert strange.read_direct_chunk((0,)) == (0, b"not numbers")
        assert strange.get_create_plist().get_filter(0)[0] == 60307
        strange.write_direct_chunk((0,), b"not Numbers", 0)
    assert digest_of(path, plan) != done.digest


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
def test_old_libraries_can_read_the_copy_of_what_they_could_read(path, planned, libver):
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("data", data=np.arange(10), chunks=(3,))
    plan = planned({3})
    copied(path, plan)
    with h5py.File(path) as source, h5py.File(plan.target) as copy:
        versions = [it.id.get_create_plist().get_version()[0] for it in (source, copy)]
        assert versions[0] == versions[1]


def test_a_full_disk_is_an_oserror(path, planned, tmp_path):
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(4000, 100))
    planned({5})
    code = f"""
import resource, signal
from pathlib import Path
from datacheck.backends import open_store
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.copy_plan import Drops, Plan
reader = open_store({str(path)!r})
plan = Plan(Path({str(tmp_path / "copy.h5")!r}), Drops(Path({str(tmp_path / "drops")!r})))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    for _ in Hdf5Copier().copy(reader, plan):
        pass
except OSError as exc:
    print(exc.errno, exc.filename)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(errno.EFBIG), str(tmp_path / "copy.h5")], done.stderr


def test_strings_that_vary_in_length_are_read_a_few_at_a_time(path, planned, monkeypatch):
    monkeypatch.setattr("datacheck.backends.hdf5.copying.values.PIECE_BYTES", 1000)
    monkeypatch.setattr("datacheck.backends.hdf5.copying.row_selection.PIECE_BYTES", 1000)
    everything(path)
    drops = {2, 3, 11}
    first = bases(path)["/data"]
    plan = planned({first + at for at in drops})
    copied(path, plan)
    source, copy = described(path, without(drops, ROOT)), described(plan.target)
    assert source.pop("/regions") != copy.pop("/regions")
    assert copy == source


@pytest.mark.parametrize(
    "options",
    [{"scaleoffset": 2, "compression": "gzip"}, hdf5plugin.Zfp(accuracy=0.1), {"compression": "gzip", "shuffle": True}],
    ids=["scale-offset", "zfp", "lossless"],
)
def test_lossy_filters_do_not_round_again(path, planned, options):
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(8).normal(size=(50, 6), scale=100)
        file.create_dataset("data", data=values, chunks=(8, 4), **options)
    plan = planned({1, 20, 21, 33}, fills=[40], fill=0.0)
    copied(path, plan)
    with h5py.File(path) as source, h5py.File(plan.target) as copy:
        assert copy["data"][:].tobytes() == np.delete(source["data"][:], [1, 20, 21, 33], 0).tobytes()
        filters = [it["data"].id.get_create_plist().get_nfilters() for it in (source, copy)]
        assert filters[0] == filters[1]


@pytest.mark.parametrize("seed", seeds(16))
def test_any_drops_from_any_chunks(path, planned, monkeypatch, seed):
    random = np.random.default_rng(seed)
    monkeypatch.setattr(
        "datacheck.backends.hdf5.copying.row_selection.PIECE_BYTES", int(random.choice([1, 64, 700, 1 << 22]))
    )
    rows = int(random.integers(1, 40))
    shape = (rows, *random.integers(1, 6, random.integers(0, 3)).tolist())
    values = random.normal(size=shape).astype("f4")
    values[random.random(shape) < 0.1] = np.inf
    chunks = tuple(int(random.integers(1, extent + 1)) for extent in shape)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=chunks if seed % 4 else None)
        sparse = file.create_dataset(
            "sparse", shape, "f8", chunks=chunks, fillvalue=np.nan, maxshape=(None, *shape[1:])
        )
        sparse[rows // 2] = 1
        sparse = sparse[:]
        file.create_dataset("label", data=np.arange(rows), chunks=(5,) if rows > 5 else None)
    drops = np.flatnonzero(random.random(rows) < random.choice([0.05, 0.3, 0.9]))
    fills = np.flatnonzero(random.random(rows) < 0.2)
    plan = planned(drops, fills=fills, fill=-1.0)
    done = copied(path, plan)
    kept = np.delete(np.arange(rows), drops)
    both = [fills[~np.isfinite(it[fills]).all(tuple(range(1, it.ndim)))] for it in (values, sparse)]
    assert done.altered == len(set(np.concatenate(both).tolist()) - set(drops.tolist()))
    for it in (values, sparse):
        part = it[fills]
        part[~np.isfinite(part)] = -1
        it[fills] = part
    with h5py.File(plan.target) as copy:
        assert copy["data"][:].tobytes() == values[kept].tobytes()
        assert copy["sparse"][:].tobytes() == sparse[kept].tobytes()
        assert (copy["label"][:] == kept).all()
