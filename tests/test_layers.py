"""Test the code for the structure that the design promises."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from building import raw_records, write_lmdb

PACKAGE = Path(__file__).parents[1] / "datacheck"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    ("errors", "_version", "varint", "compression", "lazy_re"),
    ("model",),
    ("files",),
    ("workers", "statistics", "checks", "caffe", "digests"),
    ("backends", "decoders", "engines"),
    ("conventions",),
    ("reporting",),
    ("scanning", "demo"),
    ("linting", "netscan", "logs", "rebuilding", "showing", "comparing"),
    ("cli",),
    ("__init__",),
    ("__main__", "testing", "torch"),
]
"""The rooms on each floor. A room imports only from rooms on earlier floors and from itself, without exception."""
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}

HOMES = {
    "lmdb": "backends/lmdb/library.py",
    "h5py": "backends/hdf5/file.py",
    "hdf5plugin": "backends/hdf5/file.py",
    "deflate": "backends/hdf5/values/direct.py",
    "simplejpeg": "decoders/pictures/jpeg.py",
    "numba": "decoders/pictures/compiled.py",
    "llvmlite": "decoders/pictures/kept.py",
    "cramjam": "compression.py",
    "PIL": "decoders/pictures/pillow.py",
    "plyvel": "backends/leveldb/writer.py",
    "tqdm": "reporting/progress.py",
    "xxhash": "digests/hashing.py",
    "cloudpickle": "workers/pool.py",
    "subprocess": "workers/interpreter.py",
    "google.protobuf": "caffe/messages.py",
    "matplotlib": "reporting/plots.py",
    "jinja2": "reporting/page/render.py",
    "markupsafe": "reporting/page/render.py",
    "pandas": "reporting/frames.py",
    "distributed": "engines/dask.py",
    "torch": "torch.py",
}
"""For each library that could be replaced, the only file that imports it."""


class Facts(NamedTuple):
    """What the tests need of a file, which is parsed once for all of them."""

    imports: list[tuple[str, bool, bool]]
    calls: set[str]
    functions: list[tuple[str, int]]


@cache
def facts(path):
    """Return the modules that a file imports, its calls, and the lengths of its functions without their docstrings.

    Each import comes with whether it is at the top level, and whether it is for types only.
    """
    nodes = list(ast.walk(ast.parse(path.read_text())))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    functions = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            documented = len((ast.get_docstring(node) or "").splitlines())
            functions.append((node.name, node.end_lineno - node.lineno + 1 - documented))
    return Facts(list(_imports(nodes)), calls, functions)


def imports(path, *, types=True):
    """Return each imported module and whether it is imported at the top; without `types`, skip imports for types."""
    return [(name, top) for name, top, typing in facts(path).imports if types or not typing]


def _imports(nodes):
    top = set(map(id, nodes[0].body))
    guards = [it for it in nodes if isinstance(it, ast.If) and ast.unparse(it.test) == "TYPE_CHECKING"]
    typing = {id(it) for guard in guards for line in guard.body for it in ast.walk(line)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{it.name}" for it in node.names]
            names = [it if it in NAMES else node.module for it in names]
        elif isinstance(node, ast.Import):
            names = [it.name for it in node.names]
        else:
            continue
        yield from ((name, id(node) in top, id(node) in typing) for name in names)


def full_name(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


NAMES = {full_name(path): path for path in MODULES}


def room(name):
    return name.split(".")[1] if "." in name else "__init__"


def test_imports_go_one_way():
    wrong = []
    for name, path in NAMES.items():
        own = room(name)
        others = {it for it, _ in imports(path) if it.startswith("datacheck") and room(it) != own}
        assert {room(it) for it in others} <= FLOOR.keys(), f"{name} imports from a room that has no floor"
        if own != "__init__":
            wrong += [f"{name} imports {it}" for it in sorted(others) if FLOOR[room(it)] >= FLOOR[own]]
    assert wrong == []


def test_there_is_no_circle():
    """Apart from imports for types, the modules can be ordered so that each imports only earlier ones."""
    waits = {name: {it for it, _ in imports(path, types=False) if it in NAMES} - {name} for name, path in NAMES.items()}
    while waits:
        free = [name for name, others in waits.items() if not others & waits.keys()]
        assert free, f"a circle among {sorted(waits)}"
        for name in free:
            del waits[name]


def test_each_library_is_imported_in_one_file():
    found = {}
    for path in MODULES:
        for name, _ in imports(path):
            library = next((it for it in HOMES if name == it or name.startswith(f"{it}.")), None)
            if library:
                found.setdefault(library, set()).add(str(path.relative_to(PACKAGE)))
    assert found == {library: {home} for library, home in HOMES.items()}


def test_only_the_command_line_talks_and_exits():
    talking = {"print", "sys.exit", "exit", "logging.basicConfig"}
    found = {str(it.parent.relative_to(PACKAGE)) for it in MODULES if facts(it).calls & talking}
    assert found == {"cli"}


HEAVY = (
    "numpy",
    "lmdb",
    "h5py",
    "PIL",
    "simplejpeg",
    "cramjam",
    "google_crc32c",
    "tqdm",
    "plyvel",
    "msgspec",
    *("google.protobuf", "matplotlib"),
    "deflate",
    "numba",
    "llvmlite",
)


@pytest.mark.parametrize(
    ("what", "loaded"),
    [
        ("import datacheck", set()),
        (
            "import datacheck.cli.entry as it\ntry:\n    it.main(['--help'])\nexcept SystemExit:\n    pass",
            set(),
        ),
    ],
)
def test_what_is_heavy_is_loaded_late(what, loaded):
    code = f"{what}\nimport sys\nprint(*[it for it in {HEAVY!r} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == loaded


def test_a_scan_loads_what_its_workers_need_in_these_alone(tmp_path):
    """Every scan, even the smallest, pays for what the caller loads besides these."""
    store = str(write_lmdb(tmp_path / "store", raw_records(20)))
    code = f"""
import sys, datacheck.cli.entry as it
try:
    it.main(['scan', '--no-config', {store!r}])
except SystemExit as end:
    print(end.code)
print(*[it for it in {(*HEAVY, "concurrent.futures")!r} if it in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, status, loaded = done.stdout.splitlines()
    assert status == "0", done
    assert set(loaded.split()) <= {"msgspec", "lmdb"}


def test_modules_and_functions_stay_small():
    lines = {str(path.relative_to(PACKAGE)): path.read_text().count("\n") for path in MODULES}
    assert {name: count for name, count in lines.items() if count > 420} == {}
    functions = [(str(path.relative_to(PACKAGE)), *it) for path in MODULES for it in facts(path).functions]
    assert [it for it in functions if it[-1] > 60] == []


def test_nothing_but_the_contract_suites_needs_pytest():
    needing = {path.parent.name for path in MODULES for name, _ in imports(path) if name.split(".")[0] == "pytest"}
    assert needing == {"testing"}
