"""Compare `datacheck scan` with the loops that people write, in interleaved runs; `make bench` runs it.

    python benchmarks/speed.py [--scale 1.0] [--rounds 3] [--rows NAME,...] [--gigabytes 1,4,16]
                               [--json FILE] [--picture FILE.png]

For each row a store and one of an eighth of its size are built. In several rounds both are read in turn by the loop
(`loops.py`, one process) and by `datacheck scan` with its defaults, with the data in the page cache. A user waits for
the whole process, so the table leads with its wall time on the large store, as the least and the median of the rounds.
The cost of a record is the slope between the two sizes, by the least times.

`limit` is the speed that the machine gives to as many processes as there are workers: for `dd` of the data, for bare
strict decoding at 1/8 scale (`decode`), or for reading the tables of a LevelDB and computing their CRC32C (`check`).
Each row also shows how fast the machine mapped, read, checked and decoded right before it (`machine.py`).

`--gigabytes` adds rows of raw pictures of these sizes, measured as whole processes. The cost of a part of datacheck is
measured by running the same command without it, in processor time, which other work on the machine does not lengthen.
`--scale 0.002 --rounds 1` tests in a minute whether the benchmark runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import machine
import stores

HERE = Path(__file__).parent
SMALLER = 8
FEWEST = 32
"""Minimum number of records of the small store; the large one has at least twice as many."""
A_FEW_TIMES = 0.33
"""Target for very many datasets: opening, describing and judging each one costs three times reading it once."""
PYTHON = sys.executable
DATACHECK = (PYTHON, "-m", "datacheck")
SCAN = (*DATACHECK, "scan", "--quiet")
PLAIN_SCAN = "plain scan"
"""In place of a loop: compare a scan that does more with a plain scan."""
WITHOUT = "without"
"""In place of a loop: compare a command with itself without a part of what it does."""
OTHER = ".other"
"""Suffix of a store's path for what commands write from it."""
BARE = {"decode": "jpeg-only", "check": "tables-only"}
"""By limit, the name in `loops.py` of what does only the limiting work."""
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Row:
    """One kind of data: how it is built, the loop's name, the ratio to reach, and the limit it is compared with.

    `options` are those that a scan of it needs, or those of another `command`; "{}" stands for the path that it writes
    to. `before` is run once on each store. `without` are the options that switch off the part of the command that is
    measured; `copies` says that the command takes a target.
    """

    name: str
    title: str
    count: int
    build: Callable[[Path, int], None]
    loop: str
    target: float
    limit: str | None = None
    limit_share: float | None = None
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("scan", "--quiet")
    before: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    copies: bool = False

    def words(self, path: Path, *more: str) -> list[str]:
        """Return the command to measure, with `more` options."""
        options = [it.format(f"{path}{OTHER}") for it in self.options]
        target = [f"{path}{OTHER}"] if self.copies else []
        return [*DATACHECK, *self.command, *options, *more, str(path), *target]

    def others(self, path: Path) -> list[str]:
        """Return the command to compare it with."""
        if self.loop == PLAIN_SCAN:
            return [*SCAN, str(path)]
        if self.loop == WITHOUT:
            return self.words(path, *self.without)
        return [PYTHON, str(HERE / "loops.py"), self.loop, str(path)]


def lmdb(make: Callable[..., bytes]) -> Callable[[Path, int], None]:
    return lambda path, count: stores.lmdb_store(path, stores.in_turn(make, count))


def raw_arrays(name: str, side: int, count: int, target: float, share: float | None = None) -> Row:
    """Return a row of bare float32 arrays, whose dtype and shape a scan is given; `share` is the target for the limit.

    The limit is plain copies of the file, which bound any reader. For small records they also say how many times as
    fast as a loop a scan can be at all. A record of 4 KiB takes two pages, one of 16 KiB five.
    """
    title = f"LMDB, raw float32 {side}x{side}"
    options = ("--array", f"f4:{side},{side}")
    return Row(name, title, count, lmdb(stores.bare(side, side)), "raw-arrays", target, "dd", share, options)


def of_conventions(name: str, of: str, count: int, build: Callable[[Path, int], None]) -> Row:
    """Return a row for what detecting conventions and checking the records against them adds to a scan."""
    title = f"{of}, scan with conventions and without"
    return Row(f"conventions-{name}", title, count, build, WITHOUT, 1 / 1.03, without=("--convention", "none"))


ROWS = [
    Row(
        "lmdb-raw-256",
        "LMDB, raw Datum 3x256x256",
        16_000,
        lmdb(stores.pixels(3, 256, 256)),
        "lmdb-raw",
        4.0,
        "dd",
        0.6,
    ),
    Row("lmdb-raw-28", "LMDB, raw Datum 1x28x28", 800_000, lmdb(stores.pixels(1, 28, 28)), "lmdb-raw", 6.0),
    Row("lmdb-float", "LMDB, float Datum 3x64x64", 32_000, lmdb(stores.floats(3, 64, 64)), "lmdb-float", 6.0),
    Row("lmdb-jpeg", "LMDB, JPEG 3x256x256", 16_000, lmdb(stores.jpegs(256)), "lmdb-jpeg", 4.5, "decode", 0.85),
    Row(
        "leveldb-raw",
        "LevelDB, raw Datum 3x256x256",
        8_000,
        lambda path, count: stores.leveldb_store(path, stores.in_turn(stores.pixels(3, 256, 256), count)),
        "leveldb-raw",
        2.5,
        "check",
        1 / 1.5,
    ),
    Row(
        "leveldb-small",
        "LevelDB, JSON of two numbers, snappy",
        600_000,
        lambda path, count: stores.small_leveldb(path, count),
        "leveldb-json",
        1.0,
    ),
    Row(
        "hdf5-contiguous",
        "HDF5, float32 3x64x64, contiguous",
        40_000,
        lambda path, count: stores.hdf5_store(path, count),
        "hdf5",
        1.5,
    ),
    Row(
        "hdf5-gzip",
        "HDF5, the same, gzip + shuffle",
        16_000,
        lambda path, count: stores.hdf5_store(
            path, count, chunks=(16, 3, 64, 64), compression="gzip", compression_opts=4, shuffle=True
        ),
        "hdf5",
        4.0,
    ),
    Row("hdf5-datasets", "HDF5, a dataset a sample", 16_000, stores.hdf5_datasets, "hdf5-every", A_FEW_TIMES),
    Row("hdf5-episodes", "HDF5, episodes of eight datasets", 5_000, stores.hdf5_episodes, "hdf5-every", A_FEW_TIMES),
    Row("hdf5-files", "HDF5, a file an episode", 20_000, stores.hdf5_files, "hdf5-every", A_FEW_TIMES),
    Row(
        "hdf5-unlike-files",
        "HDF5, the same, with another text in each",
        4_000,
        lambda path, count: stores.hdf5_files(path, count, alike=False),
        "hdf5-every",
        A_FEW_TIMES,
    ),
    Row("pickle", "LMDB, pickled dicts of one float32 3x64x64", 16_000, lmdb(stores.pickled(3, 64, 64)), "pickle", 1.3),
    Row("json", "LMDB, JSON with two lists of floats", 80_000, lmdb(stores.in_json), "json", 1.0),
    Row("msgpack", "LMDB, msgpack with two lists of floats", 200_000, lmdb(stores.in_msgpack), "msgpack", 1.0),
    Row("npz", "LMDB, npz of one float32 64x64", 16_000, lmdb(stores.npz(64, 64)), "npz", 1.0),
    Row(
        "msgpack-numpy",
        "LMDB, msgpack-numpy of one float32 64x64",
        32_000,
        lmdb(stores.msgpack_numpy(64, 64)),
        "msgpack-numpy",
        1.0,
    ),
    raw_arrays("raw-arrays-1", 16, 400_000, 6.0),
    raw_arrays("raw-arrays-4", 32, 160_000, 6.0),
    raw_arrays("raw-arrays-16", 64, 64_000, 6.0),
    raw_arrays("raw-arrays-64", 128, 16_000, 1.0, share=0.7),
    raw_arrays("raw-arrays-256", 256, 4_000, 1.0, share=0.7),
    Row(
        "checksums",
        "LMDB, raw Datum 3x256x256, scan --checksums and a plain scan",
        8_000,
        lmdb(stores.pixels(3, 256, 256)),
        PLAIN_SCAN,
        1 / 1.3,
        options=("--checksums", "{}"),
        before=("checksum", "--quiet", "--force", "--out", "{}"),
    ),
    Row(
        "checksum",
        "LMDB, raw Datum 1x28x28, checksum",
        800_000,
        lmdb(stores.pixels(1, 28, 28)),
        "digests",
        0.5,
        options=("--out", "{}"),
        command=("checksum", "--quiet", "--force"),
    ),
    Row(
        "compare",
        "LMDB, 100-byte Datum that all differ, compare",
        800_000,
        lambda path, count: stores.lmdb_store(path, stores.different(count)),
        "digests-seen",
        0.1,
        command=("compare", "--quiet"),
    ),
    of_conventions("plain", "LMDB, raw Datum 1x28x28", 400_000, lmdb(stores.pixels(1, 28, 28))),
    of_conventions("counted", "LMDB, pairs of a JSON and a text, counted", 400_000, stores.counted_pairs),
    of_conventions("plain-keys", "LMDB, JSON by numbers without zeros, counted", 400_000, stores.counted_numbers),
    of_conventions("large", "LMDB, raw Datum 3x256x256", 8_000, lmdb(stores.pixels(3, 256, 256))),
    Row(
        "renumbering",
        "LMDB, pairs of which every 50th is bad, rebuild with its numbers closed up",
        400_000,
        lambda path, count: stores.counted_pairs(path, count, bad=50),
        WITHOUT,
        1 / 1.3,
        command=("rebuild", "--quiet", "--drop-bad", "--force"),
        without=("--keep-numbers",),
        copies=True,
    ),
]


@dataclass
class Result:
    """The result of a row, in microseconds per record; `share` is how much of the limit's rate was reached."""

    name: str
    title: str
    records: int
    loop: float
    datacheck: float
    ratio: float
    target: float
    limit: float | None = None
    share: float | None = None
    share_target: float | None = None
    bytes: int = 0
    whole: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of the whole process on the large store, in each round: of `loop`, `datacheck` and `limit`."""
    ratios: list[float] = field(default_factory=list)
    """The loop's slope divided by datacheck's, in each round."""
    speeds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)
    """Processor time in seconds of a command and of the same without a part, on the large store, in each round."""

    @property
    def whole_ratio(self) -> float:
        """The loop's least time for the whole process, divided by datacheck's."""
        return min(self.whole["loop"]) / min(self.whole["datacheck"])


def seconds(*commands: Sequence[str]) -> float:
    """Run commands at the same time; return how long it takes until all have ended, in seconds."""
    started = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
    for process in running:
        _, errors = process.communicate()
        if process.returncode not in (0, 3):
            sys.exit(f"{process.args}: status {process.returncode}: {errors.decode()}")
    return time.perf_counter() - started


def limits(row: Row, path: Path) -> list[list[str]]:
    """Return the commands that together do only the limiting work, for a whole store."""
    if row.limit == "dd":
        blocks = -(-(path / "data.mdb").stat().st_size // (1 << 20) // CORES)
        reads = ["dd", f"if={path / 'data.mdb'}", "of=/dev/null", "bs=1M", f"count={blocks}"]
        return [[*reads, f"skip={share * blocks}"] for share in range(CORES)]
    bare = [PYTHON, str(HERE / "loops.py"), BARE[row.limit or ""], str(path)]
    return [[*bare, str(share), str(CORES)] for share in range(CORES)]


def sides_of(row: Row, path: Path) -> dict[str, list[list[str]]]:
    """Return the commands of each side; those of one side run at the same time."""
    sides = {"loop": [row.others(path)], "datacheck": [row.words(path)]}
    if row.limit:
        sides["limit"] = limits(row, path)
    return sides


Taken = dict[tuple[str, int], list[float]]
"""Seconds of each round, by side and index of the path."""


def in_rounds(row: Row, paths: Sequence[Path], rounds: int) -> tuple[Taken, Taken]:
    """Return the wall times and the processor times of each side on each path, round by round."""
    taken: Taken = {}
    processor: Taken = {}
    for _ in range(rounds):
        for size, path in enumerate(paths):
            for side, commands in sides_of(row, path).items():
                before = os.times()
                taken.setdefault((side, size), []).append(seconds(*commands))
                after = os.times()
                spent = after.children_user + after.children_system - before.children_user - before.children_system
                processor.setdefault((side, size), []).append(spent)
    return taken, processor


def measure(row: Row, folder: Path, scale: float, rounds: int) -> Result:
    counts = [max(FEWEST, round(row.count * scale / SMALLER)), max(2 * FEWEST, round(row.count * scale))]
    paths = [folder / f"{row.name}-{count}" for count in counts]
    for path, count in zip(paths, counts, strict=True):
        row.build(path, count)
        if row.before:
            seconds([*DATACHECK, *(it.format(f"{path}{OTHER}") for it in row.before), str(path)])
    gives = machine.speeds(paths[1])
    taken, processor = in_rounds(row, paths, rounds)
    size = size_of(paths[1])
    for path in paths:
        remove(path)
        remove(Path(f"{path}{OTHER}"))

    def slope(side: str) -> float:
        return (min(taken[side, 1]) - min(taken[side, 0])) / (counts[1] - counts[0]) * 1e6

    result = Result(row.name, row.title, counts[1], slope("loop"), slope("datacheck"), 0.0, row.target)
    result.ratio = result.loop / result.datacheck
    result.bytes, result.speeds = size, gives
    result.whole = {side: times for (side, of), times in taken.items() if of == 1}
    if row.loop == WITHOUT:
        result.processor = {side: times for (side, of), times in processor.items() if of == 1}
        return result
    result.ratios = [
        (taken["loop", 1][at] - taken["loop", 0][at]) / (taken["datacheck", 1][at] - taken["datacheck", 0][at])
        for at in range(rounds)
    ]
    if row.limit:
        result.limit, result.share_target = slope("limit"), row.limit_share
        result.share = result.limit / result.datacheck
    return result


def measure_whole(row: Row, folder: Path, gigabytes: float, rounds: int) -> Result:
    """Measure a row on a store of this many gigabytes, only as a whole process."""
    trial = folder / f"{row.name}-trial"
    row.build(trial, 64)
    count = max(2, round(gigabytes * 1e9 * 64 / size_of(trial)))
    remove(trial)
    path = folder / f"{row.name}-{gigabytes:g}-gb"
    row.build(path, count)
    gives = machine.speeds(path)
    taken, _ = in_rounds(row, [path], rounds)
    title = f"{row.title}, {gigabytes:g} GB"
    result = Result(f"{row.name}-{gigabytes:g}", title, count, 0.0, 0.0, 0.0, row.target, bytes=size_of(path))
    remove(path)
    result.whole, result.speeds = {side: times for (side, _), times in taken.items()}, gives
    return result


def size_of(path: Path) -> int:
    """Return the size of a store on the disk, in bytes."""
    files = [it for it in path.rglob("*") if it.is_file()] if path.is_dir() else [path]
    return sum(it.stat().st_blocks * 512 for it in files)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def start_up(folder: Path, runs: int) -> dict[str, float]:
    """Return the start-up times in milliseconds: an empty Python, the help, an import, a scan of 50 records."""
    stores.lmdb_store(folder / "fifty", stores.in_turn(stores.pixels(3, 32, 32), 50))
    commands = {
        "python -c pass": [PYTHON, "-c", "pass"],
        "datacheck --help": [PYTHON, "-m", "datacheck", "--help"],
        "import numpy, lmdb": [PYTHON, "-c", "import numpy, lmdb"],
        "scan of 50 records": [*SCAN, str(folder / "fifty")],
    }
    return {name: min(seconds(command) for _ in range(runs)) * 1000 for name, command in commands.items()}


def table(results: Sequence[Result], starts: dict[str, float]) -> str:
    """Return the figures: times of whole processes, cost per record, the machine's speeds, parts and start-up times."""
    lines = [
        "| data | records | loop, whole: least (median) | datacheck, whole | times as fast |",
        "|---|---|---|---|---|",
    ]
    for it in results:
        sides = [f"{min(times):.2f} s ({median(times):.2f})" for times in (it.whole["loop"], it.whole["datacheck"])]
        of = f"{it.records:,}, {it.bytes / 1e9:.2f} GB"
        lines.append(f"| {it.title} | {of} | {sides[0]} | {sides[1]} | {it.whole_ratio:.1f} |")
    lines += [
        "",
        "| data | loop, a record | datacheck, a record | times as fast: by the least, in each round | wanted "
        "| of the limit | wanted | the machine before it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for it in results:
        if not it.ratios:
            continue
        share = "" if it.share is None else f"{it.share:.0%}"
        wanted = "" if it.share_target is None else f"{it.share_target:.0%}"
        rounds = ", ".join(f"{ratio:.1f}" for ratio in it.ratios)
        lines.append(
            f"| {it.title} | {it.loop:.2f} us | {it.datacheck:.2f} us | {it.ratio:.1f}: {rounds} | {it.target:g} "
            f"| {share} | {wanted} | {machine.spelled(it.speeds)} |"
        )
    lines += parts_of(results)
    return "\n".join([*lines, "", *(f"{name}: {value:.0f} ms" for name, value in starts.items())])


def parts_of(results: Sequence[Result]) -> list[str]:
    """Return the lines of a table of the cost of parts of datacheck."""
    of_parts = [it for it in results if it.processor]
    if not of_parts:
        return []
    head = "| data | without, processor: least (median) | with | times as long: by the least, by the median | at most |"
    lines = ["", head, "|---|---|---|---|---|"]
    for it in of_parts:
        without, every = it.processor["loop"], it.processor["datacheck"]
        sides = [f"{min(times):.2f} s ({median(times):.2f})" for times in (without, every)]
        ratios = f"{min(every) / min(without):.3f}, {median(every) / median(without):.3f}"
        lines.append(f"| {it.title} | {sides[0]} | {sides[1]} | {ratios} | {1 / it.target:.2f} |")
    return lines


def draw(results: Sequence[Result], path: Path, where: str) -> None:
    """Draw how many times as fast as the loop each row is, with its target as a mark."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.55 * len(results) + 1.4), layout="constrained")
    places = range(len(results))[::-1]
    axes.barh(places, [it.ratio for it in results], color="#3b75af", height=0.6, label="datacheck")
    axes.plot(
        [it.target for it in results], places, "|", color="#c44e52", markersize=22, markeredgewidth=2.5, label="wanted"
    )
    axes.axvline(1, color="#888888", linewidth=1, linestyle="--", label="the loop")
    for place, it in zip(places, results, strict=True):
        share = "" if it.share is None else f"  ({it.share:.0%} of the limit)"
        axes.text(max(it.ratio, it.target), place, f"  {it.ratio:.1f}x{share}", va="center", fontsize=9)
    axes.set_yticks(places, [it.title for it in results])
    axes.set_xlim(0, 1.75 * max(it.ratio for it in results))
    axes.set_xlabel("records a second, in those of a competent loop")
    axes.set_title(where, fontsize=9, loc="right", color="#666666")
    axes.legend(loc="lower right", fontsize=9, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the stores' sizes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default=",".join(row.name for row in ROWS))
    parser.add_argument(
        "--gigabytes", default="", help="sizes of raw pictures to measure as whole processes, as 1,4,16"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--folder", type=Path, help="where to build; by default a temporary folder")
    args = parser.parse_args()
    names = args.rows.split(",")
    if unknown := set(names) - {row.name for row in ROWS}:
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    where = machine.described()
    results = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        starts = start_up(Path(folder), 10 if args.scale >= 1 else 1)
        for row in ROWS:
            if row.name in names:
                results.append(measure(row, Path(folder), args.scale, args.rounds))
                print(f"{row.title}: {results[-1].ratio:.1f} times the loop", file=sys.stderr, flush=True)
        sizes = map(float, filter(None, args.gigabytes.split(",")))
        results += (measure_whole(ROWS[0], Path(folder), size, args.rounds) for size in sizes)
    print(f"{where}\n\n{table(results, starts)}")
    if args.json:
        document = {"machine": where, "rows": [asdict(it) for it in results], "milliseconds": starts}
        args.json.write_text(json.dumps(document, indent=2) + "\n")
    if args.picture:
        draw([it for it in results if it.ratios], args.picture, where)


if __name__ == "__main__":
    main()
