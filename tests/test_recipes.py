"""Test that the recipes of docs/extending.md are true: a toy of each kind, added by just those steps, works.

Each test copies the package, adds the file and the rows, and runs the command with that copy.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from building import key, raw_records, write_lmdb
from patching import copied

DECODERS = ("decoders/__init__.py", "DECODERS: dict[str, Payload] = {\n")
BACKENDS = ("backends/__init__.py", "BACKENDS: dict[str, Backend] = {\n")
VALIDATORS = ("checks/validators.py", "VALIDATORS: dict[str, type[BuiltIn]] = {\n")
CHECKS = ("model/settings.py", "CHECKS = (")
REPORTS = ("reporting/files.py", "REPORTS: dict[str, Callable[[IO[str]], Sink]] = {")
CONVENTIONS = ("conventions/__init__.py", "CONVENTIONS: dict[str, Row] = {\n")
ENGINES = ("engines/__init__.py", "ENGINES: dict[str, EngineRow] = {\n")
"""For each table, its file and the text after which a row is inserted."""
DECODER_FILE = "decoders/toy.py"
BACKEND_FILE = "backends/toy.py"
ENGINE_FILE = "engines/toy.py"
CHECK_FILE, BEFORE_CHECK = "checks/validators.py", "VALIDATORS: dict"
REPORT_FILE, BEFORE_REPORT = "reporting/files.py", "REPORTS: dict"
"""Where the code of each toy goes: a file of its own, or before a text in an existing file."""
PAIR_COPIER = "datacheck.rebuilding.pair_copier"
"""The module of the copier that all key-value stores share."""


RUNNING = """
import json, sys
from commanding import datacheck
from kept_workers import kept
with kept():
    for line in sys.stdin:
        done = datacheck(*json.loads(line))
        print(json.dumps([done.returncode, done.stdout + done.stderr]), flush=True)
"""
"""Runs commands with the copy of the package that it is started with, as `commanding` does with the package itself."""


class Copy:
    """A copy of the package to add something to and to run."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
        self.running = None
        copied(folder / "datacheck")

    def file(self, name, code):
        path = self.folder / "datacheck" / name
        assert not path.exists()
        path.write_text(code)

    def row(self, table, row):
        name, behind = table
        self.insert(name, behind, behind + row)

    def code(self, name, before, code):
        self.insert(name, before, f"{code}\n\n{before}")

    def insert(self, name, place, text):
        path = self.folder / "datacheck" / name
        whole = path.read_text()
        assert whole.count(place) == 1, f"{name} has no place for it"
        path.write_text(whole.replace(place, text))

    def python(self, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def datacheck(self, *arguments, status=0):
        """Run a command with the copy, in a process that is started with the first one."""
        if self.running is None:
            path = os.pathsep.join(map(str, (self.folder, Path(__file__).parent)))
            self.running = subprocess.Popen(
                [sys.executable, "-c", RUNNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                cwd=self.folder, env={**self.environment, "PYTHONPATH": path},
            )  # fmt: skip
        self.running.stdin.write(json.dumps([*map(str, arguments)]) + "\n")
        self.running.stdin.flush()
        returned, said = json.loads(self.running.stdout.readline())
        assert returned == status, said
        assert "Traceback" not in said
        return said

    def close(self):
        if self.running is not None:
            self.running.communicate(timeout=60)
            assert self.running.returncode == 0

    def scan_json(self, *arguments, status=0):
        return json.loads(self.datacheck("scan", *arguments, "--format", "json", status=status))

    def contract(self, code, only=""):
        """Run the tests of a contract suite, as somebody who adds something would."""
        path = self.folder / "test_toy.py"
        path.write_text(code)
        said = self.python("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", self.folder, "-k", only, path)
        assert " passed" in said


@pytest.fixture
def copy(tmp_path):
    with contextlib.closing(Copy(tmp_path)) as copy:
        yield copy


def toy_payload(*values):
    return b"TOY!" + np.array(values, "<f4").tobytes()


TOY_DECODER = '''
"""Four letters and float32 values."""

import numpy as np

from datacheck.decoders.interface import Field, Reading
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.finding import found


class ToyDecoder:
    name = "toy"

    def knows(self, value):
        return bytes(value[:4]) == b"TOY!"

    def decode(self, block, rows, profile, *, pixels=True):
        return decode_each(self.read, block, rows, profile)

    def read(self, value, profile):
        if not self.knows(value):
            return Reading(findings=[found("undecodable", "no toy")])
        if len(value) < 12 or len(value) % 8 != 4:
            return Reading(findings=[found("truncated", f"a toy ends after {len(value)} bytes", field="data")])
        return Reading([Field("data", np.frombuffer(value[4:], "<f4"), format="wooden")])
'''
TOY_PAYLOAD_ROW = (
    '    "toy": Payload(("datacheck.decoders.toy", "ToyDecoder"), "toys", title="toys with {field} in them"),\n'
)


def test_a_payload_is_a_file_and_a_row(copy, tmp_path):
    copy.file(DECODER_FILE, TOY_DECODER)
    copy.row(DECODERS, TOY_PAYLOAD_ROW)
    records = {key(number): toy_payload(number, -number, 1, 2) for number in range(40)}
    store = write_lmdb(tmp_path / "store", {**records, key(7): toy_payload(1, 2)[:-3], key(8): toy_payload(1, np.nan)})
    said = copy.datacheck("scan", store, status=1)
    assert "LMDB of toys with data in them wooden 4 float32, 40 records" in said
    assert "a toy ends after 9 bytes" in said
    report = copy.scan_json(store, status=1)
    assert report["source"]["decoder"] == "toy"
    assert [(it["key"], it["code"]) for it in report["findings"] if it["verdict"] == "bad"] == [
        ("00000007", "truncated"),
        ("00000008", "nan"),
        ("00000008", "shape"),
    ]
    assert copy.scan_json(store, "--decoder", "toy", status=1)["counts"] == report["counts"]
    assert "there are toy, picture" in copy.datacheck("scan", store, "--decoder", "no", status=2)
    assert copy.datacheck("explain", "decoders").startswith("toy ")
    assert "00000003: toy, 20 bytes" in copy.datacheck("show", store, "00000003", "--save", tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist() == [3, -3, 1, 2]
    copy.datacheck("rebuild", store, tmp_path / "clean", "--drop-bad")
    assert copy.scan_json(tmp_path / "clean")["checked"] == 38
    copy.contract(
        "import numpy as np\n"
        "from datacheck.testing.decoders import DecoderContract\n\n\n"
        "class TestToyDecoder(DecoderContract):\n"
        "    decoder = 'toy'\n\n"
        "    def payloads(self):\n"
        "        return [b'TOY!' + np.array([n, 1, 2, 3], '<f4').tobytes() for n in range(6)]\n\n"
        "    def sound_cuts(self, payload):\n"
        "        return [12]\n"
    )


TOY_BACKEND = '''
"""A file of a line for each record: its key and its value, in hexadecimal digits, sorted by key."""

from dataclasses import dataclass
from pathlib import Path

from datacheck.model.blocks import Block, Layout, Position, Shard, ignore
from datacheck.model.escaping import escape, unescape

MAGIC = b"toy store\\n"


@dataclass(frozen=True)
class ToyReader:
    path: Path
    backend = "toy"

    @classmethod
    def recognise(cls, path, options):
        return cls(path) if path.is_file() and path.read_bytes().startswith(MAGIC) else None

    def layout(self):
        return Layout([Shard()], [Shard()], len(self._records()), self.path.stat().st_size)

    def blocks(self, shard, *, limit=None, note=ignore):
        start, stop = shard.start or Position(b""), shard.stop
        chosen = [it for it in self._records() if Position(it[0]) >= start and (not stop or Position(it[0]) < stop)]
        limit = limit or 16
        for at in range(0, len(chosen), limit):
            keys, values = zip(*chosen[at : at + limit])
            note(Position(keys[0]), True)
            yield Block(keys, values)

    def find(self, key):
        raw = unescape(key)
        there = raw in dict(self._records())
        return Shard("", Position(raw), Position(raw, 1)) if there else None

    def name(self, shard, place, finding):
        return Block([place.key], [b""]).place(0, finding, None)

    def _records(self):
        lines = self.path.read_bytes().removeprefix(MAGIC).splitlines()
        return [tuple(bytes.fromhex(word.decode()) for word in line.split(b" ")) for line in lines]


class ToyWriter:
    def __init__(self, path):
        self.path, self.lines = path, []

    @classmethod
    def refusals(cls, reader):
        return []

    @classmethod
    def like(cls, reader, path):
        return cls(path)

    @classmethod
    def let_go(cls, path):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def put(self, part, pairs):
        self.lines += [key.hex().encode() + b" " + bytes(value).hex().encode() + b"\\n" for key, value in pairs]

    def finish(self):
        self.path.write_bytes(MAGIC + b"".join(self.lines))
'''
TOY_BACKEND_ROW = """    "toy": Backend(
        ("datacheck.backends.toy", "ToyReader"), "a toy store", title="Toys", noun="a box of toys"{more}
    ),
"""
COPIED = f', copier=("{PAIR_COPIER}", "PairCopier"), writer=("datacheck.backends.toy", "ToyWriter")'
COPIED_ONLY = f', copier=("{PAIR_COPIER}", "PairCopier")'


def toy_store(path, records):
    lines = [f"{at.hex()} {value.hex()}\n" for at, value in sorted(records.items())]
    path.write_text("toy store\n" + "".join(lines))
    return path


@pytest.fixture
def toys(tmp_path):
    """A toy store of 60 arrays, one of which is cut short."""
    records = {}
    for number in range(60):
        file = tmp_path / "array.npy"
        np.save(file, np.arange(number, number + 6, dtype="<f4"))
        records[key(number)] = file.read_bytes()
    records[key(9)] = records[key(9)][:-5]
    return toy_store(tmp_path / "box.toy", records)


def test_a_store_is_a_file_and_a_row(copy, toys, tmp_path):
    copy.file(BACKEND_FILE, TOY_BACKEND)
    copy.row(BACKENDS, TOY_BACKEND_ROW.format(more=COPIED))
    said = copy.datacheck("scan", toys, status=1)
    assert "box.toy: Toys of .npy arrays npy 6 float32, 60 records" in said
    assert f"look at one: datacheck show {toys} 00000009" in said
    assert "a clean copy: datacheck rebuild" in said
    report = copy.scan_json(toys, status=1)
    assert report["source"]["backend"] == "toy"
    assert [(it["key"], it["index"], it["verdict"]) for it in report["findings"]] == [("00000009", 9, "bad")]
    assert "00000003: npy" in copy.datacheck("show", toys, "00000003")
    assert "has no record" in copy.datacheck("show", toys, "no", status=2)
    copy.datacheck("rebuild", toys, tmp_path / "clean.toy", "--drop-bad", "--quarantine", tmp_path / "bad")
    assert copy.scan_json(tmp_path / "clean.toy")["source"]["records"] == 59
    assert copy.scan_json(tmp_path / "bad" / "records.toy", status=1)["source"]["records"] == 1
    for to in ("lmdb", "toy"):
        copy.datacheck("rebuild", toys, tmp_path / f"as-{to}", "--drop-bad", "--to", to)
        assert copy.scan_json(tmp_path / f"as-{to}")["source"]["backend"] == to
    copy.datacheck("rebuild", tmp_path / "as-lmdb", tmp_path / "back.toy", "--to", "toy")
    assert (tmp_path / "back.toy").read_bytes() == (tmp_path / "clean.toy").read_bytes()
    assert "--backend toy|lmdb|leveldb|hdf5" in copy.datacheck("show", "--help")
    assert "--to [toy|lmdb|leveldb]" in copy.datacheck("rebuild", "--help")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("words")
    assert "holds no Toys, LMDB, LevelDB or HDF5 files" in copy.datacheck("scan", tmp_path / "other", status=2)
    assert "00000003: npy" in copy.datacheck("show", toys.parent, "box.toy:00000003")


def test_a_store_of_a_network_need_not_be_one_that_caffe_reads(copy, toys, tmp_path):
    copy.file(BACKEND_FILE, TOY_BACKEND)
    copy.row(BACKENDS, TOY_BACKEND_ROW.format(more=""))
    (tmp_path / "net.prototxt").write_text(
        'name: "net"\nlayer { name: "data" type: "Data" top: "data" '
        f'data_param {{ source: "{toys}" batch_size: 4 backend: LMDB }} }}\n'
    )
    said = copy.datacheck("scan", "--net", tmp_path / "net.prototxt", status=1)
    assert "backend is LMDB, but a box of toys lies there" in said


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("", "datacheck reads Toys and does not rebuild it"),
        (COPIED_ONLY, "datacheck reads Toys and does not write it; choose --to lmdb or --to leveldb"),
    ],
)
def test_a_store_whose_row_names_no_copier_or_writer_is_refused_in_a_sentence(copy, toys, tmp_path, more, sentence):
    copy.file(BACKEND_FILE, TOY_BACKEND)
    copy.row(BACKENDS, TOY_BACKEND_ROW.format(more=more))
    assert ("a clean copy" in copy.datacheck("scan", toys, status=1)) == bool(more)
    assert "00000003: npy" in copy.datacheck("show", toys, "00000003")
    assert sentence in copy.datacheck("rebuild", toys, tmp_path / "clean.toy", "--drop-bad", status=2)
    assert not (tmp_path / "clean.toy").exists()
    if more:
        copy.datacheck("rebuild", toys, tmp_path / "clean", "--drop-bad", "--to", "lmdb")
        assert copy.scan_json(tmp_path / "clean")["source"]["records"] == 59


def test_a_store_keeps_the_contract(copy):
    copy.file(BACKEND_FILE, TOY_BACKEND)
    copy.row(BACKENDS, TOY_BACKEND_ROW.format(more=COPIED))
    copy.contract(
        "from datacheck.testing.readers import ReaderContract\n\n\n"
        "class TestToyReader(ReaderContract):\n"
        "    backend = 'toy'\n\n"
        "    def write(self, path):\n"
        "        values = [bytes([8, 1, 16, 1, 24, 2, 34, 2, n, 255 - n, 40, 1]).hex() for n in range(self.count)]\n"
        "        lines = [(b'%04d' % n).hex() + ' ' + it + '\\n' for n, it in enumerate(values)]\n"
        "        path.write_text('toy store\\n' + ''.join(lines))\n"
        "        return path\n"
    )


TOY_CHECK = '''@dataclass(frozen=True)
class NotSeven(BuiltIn):
    """No value is seven."""

    def __call__(self, batch: Batch) -> Findings:
        for at, record in enumerate(batch.values):
            if (record == 7).any():
                yield at, found("out-of-range", "a value is seven", field=batch.field)
'''


def test_a_check_is_a_dataclass_a_row_and_a_name(copy, tmp_path):
    copy.code(CHECK_FILE, BEFORE_CHECK, TOY_CHECK)
    copy.row(VALIDATORS, '    "not-seven": NotSeven,\n')
    copy.row(CHECKS, '"not-seven", ')
    records = {}
    for number in range(60):
        np.save(tmp_path / "array.npy", np.arange(number * 10, number * 10 + 6, dtype="<f4") + (number == 5) * 5)
        records[key(number)] = (tmp_path / "array.npy").read_bytes()
    np.save(tmp_path / "array.npy", np.arange(6, 12, dtype="<f4"))
    records[key(30)] = (tmp_path / "array.npy").read_bytes()
    store = write_lmdb(tmp_path / "store", records)
    report = copy.scan_json(store, status=1)
    assert [(it["key"], it["message"]) for it in report["findings"]] == [("00000030", "a value is seven")]
    assert report["settings"]["checks"][0] == "not-seven"
    assert copy.scan_json(store, "--skip", "not-seven")["bad"] == 0
    assert copy.scan_json(store, "--check", "not-seven", status=1)["bad"] == 1
    assert "check: not-seven, finite, " in " ".join(copy.datacheck("scan", "--help").split())
    assert "not-seven      No value is seven." in copy.datacheck("explain", "checks")
    assert "a value is seven" in copy.datacheck("scan", store, status=1)


def test_a_check_with_a_name_and_no_row_is_not_the_datas_fault(copy, tmp_path):
    copy.row(CHECKS, '"not-seven", ')
    store = write_lmdb(tmp_path / "store", {key(number): b"%d" % number for number in range(20)})
    said = copy.datacheck("scan", store, status=2)
    assert said.strip().endswith("no check is called 'not-seven'; there are " + ", ".join(_checks()))


def _checks():
    from datacheck.checks.validators import VALIDATORS

    return VALIDATORS


TOY_SINK = '''class ToySink:
    """One line a finding: its code and its key."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, report: Report, findings: Collection[Finding]) -> None:
        self._file.writelines(f"{it.code} of {it.key}\\n" for it in findings)

    def finish(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> None:
        self._file.write(f"{len(reports)} reports\\n")
'''


def test_a_report_format_is_a_sink_and_a_row(copy, tmp_path):
    copy.code(REPORT_FILE, BEFORE_REPORT, TOY_SINK)
    copy.row(REPORTS, '".toy": ToySink, ')
    np.save(tmp_path / "array.npy", np.arange(6, dtype="<f4"))
    value = (tmp_path / "array.npy").read_bytes()
    store = write_lmdb(tmp_path / "store", {key(n): value if n != 4 else value[:-1] for n in range(20)})
    copy.datacheck("scan", store, "--report", tmp_path / "a.toy", "--report", tmp_path / "a.json", status=1)
    assert (tmp_path / "a.toy").read_text() == "truncated of 00000004\n1 reports\n"
    assert json.loads((tmp_path / "a.json").read_text())["bad"] == 1
    assert "ends in one of .toy, .json" in copy.datacheck("scan", store, "--report", "a.doc", status=2)
    for command in ("scan", "lint"):
        said = "Write the report: .toy, .json, .jsonl, .csv, .html, .xml, .sarif or .md."
        assert said in copy.datacheck(command, "--help")
    said = "Write .toy, .json, .jsonl, .html, .xml, .sarif, .md or, of the series, .csv."
    assert said in copy.datacheck("log", "--help")


TOY_CONVENTION = """
from datacheck.conventions.interface import Convention, Count
from datacheck.conventions.values.stored_values import stored


def recognise(store):
    raw = store.value(b"how many")
    if raw is None:
        return None
    count = Count(b"how many", stored(raw), raw)
    return Convention("toy", tuple(store.patterns), (count,), own=frozenset({count.key}))
"""


def test_a_convention_is_a_file_and_a_row(copy, tmp_path):
    copy.file("conventions/projects/toy.py", TOY_CONVENTION)
    copy.row(CONVENTIONS, '    "toy": Row("datacheck.conventions.projects.toy", "a toy of the tests"),\n')
    records = raw_records(30) | {b"how many": b"31"}
    store = write_lmdb(tmp_path / "store", records)
    report = copy.scan_json(store, status=1)
    assert report["conventions"] == ["toy"]
    assert [it["message"] for it in report["findings"]] == ["how many says 31, there are 30"]
    assert "toy                a toy of the tests" in copy.datacheck("explain", "conventions")
    copy.datacheck("rebuild", store, tmp_path / "copy", "--drop-bad")
    assert copy.scan_json(tmp_path / "copy")["bad"] == 0


TOY_ENGINE = '''
"""Runs one task after another, each in a process of its own, and counts them."""

from contextlib import ExitStack

from datacheck.workers.pool import Pool

STARTED = []


class OneByOne:
    def __init__(self, job, workers, memory):
        self.job, self.memory, self.count = job, memory, 1
        self.open = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.open.close()

    def grow(self, workers):
        pass

    def run(self, tasks):
        waiting = tasks if hasattr(tasks, "popleft") else list(tasks)
        while waiting:
            task = waiting.popleft() if hasattr(waiting, "popleft") else waiting.pop(0)
            STARTED.append(type(task).__name__)
            yield from self.open.enter_context(Pool(self.job, 1, self.memory)).run([task])
            self.open.close()
'''


def test_an_engine_is_a_file_and_a_row(copy, tmp_path):
    copy.file(ENGINE_FILE, TOY_ENGINE)
    copy.row(ENGINES, '    "one-by-one": EngineRow(("datacheck.engines.toy", "OneByOne"), "one by one"),\n')
    np.save(tmp_path / "array.npy", np.arange(6, dtype="<f4"))
    value = (tmp_path / "array.npy").read_bytes()
    store = write_lmdb(tmp_path / "store", {key(n): value if n != 4 else value[:-1] for n in range(20)})
    assert copy.scan_json(store, status=1)["bad"] == 1
    assert "nothing wrong" in copy.datacheck("show", store, "00000003")
    copy.datacheck("rebuild", store, tmp_path / "clean", "--drop-bad")
    code = f"""
import datacheck
from datacheck.engines import engine
from datacheck.engines.toy import STARTED
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare

for name in ("one-by-one", "local"):
    reader, report = prepare({str(store)!r}, make(workers=1))
    run(report, reader, engine=engine(name))
    print(name, report.checked, *report.bad_keys())
print("ran", *dict.fromkeys(STARTED))
assert datacheck.scan({str(store)!r}).bad == 1
assert len(STARTED) > 4, "the first row runs what nobody chose another for"
"""
    assert copy.python("-c", code).split("\n")[:3] == [
        "one-by-one 20 00000004",
        "local 20 00000004",
        "ran TakeLayout TakeProfile SampleKeys Recognise Check Conclude",
    ]
    copy.contract(
        "from datacheck.engines import engine\n"
        "from datacheck.testing.engines import EngineContract\n\n\n"
        "class TestOneByOne(EngineContract):\n"
        "    make = staticmethod(engine('one-by-one'))\n",
        only="gets_its_result or costs_one_task or leaving",
    )
