"""Copies of HDF5 files, compared object by object with their sources by a walk of its own."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from datacheck.backends import open_store
from datacheck.backends.hdf5_copy import Hdf5Copier
from datacheck.copying import Drops, Plan
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
        names = file.create_dataset("names", (20,), h5py.string_dtype(), chunks=(4,), compression="lzf")
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
            kinds.create_dataset(name, data=values, chunks=(6, *values.shape[1:]))
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
