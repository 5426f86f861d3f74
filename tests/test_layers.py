"""The structure that the design promises, held to the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "datacheck"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = [
    ("errors", "stacked", "wire"),
    ("files", "workers"),
    ("model", "configuration"),
    ("blame",),
    ("batch",),
    ("statistics", "settings", "findings", "label_balance", "series"),
    ("report", "copying"),
    ("backends", "caffe", "decoders", "validators", "pool", "sampling", "measure"),
    ("fingerprints", "profiling", "pair_copier", "reports", "engine"),
    ("check", "engines"),
    ("tasks",),
    ("probing", "retry"),
    ("scanning", "plots"),
    ("linting", "netscan"),
    ("receipt",),
    ("rebuilding",),
    ("showing", "demo", "logs", "streams"),
    ("options",),
    ("configuring",),
    ("cli",),
    ("__main__", "testing"),
]
"""Each layer imports only from those above it in this list, and a module from its own package."""
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
ALLOWED_BESIDE = {("settings", "decoders"), ("report", "reports")}
"""Imports inside a function that look a table or a renderer up."""

HOMES = {
    "lmdb": "backends/lmdb.py",
    "h5py": "backends/hdf5_file.py",
    "hdf5plugin": "backends/hdf5_file.py",
    "deflate": "backends/hdf5_direct.py",
    "simplejpeg": "decoders/jpeg.py",
    "cramjam": "backends/leveldb_block.py",
    "PIL": "decoders/pillow.py",
    "plyvel": "backends/leveldb_plyvel.py",
    "tqdm": "cli.py",
    "xxhash": "pair_copier.py",
    "cloudpickle": "pool.py",
    "subprocess": "pool.py",
    "google.protobuf": "caffe/messages.py",
    "matplotlib": "plots.py",
}
"""Where each library that could be replaced is imported, and nowhere else."""


def imports(path):
    """Yield the name of each module that a file imports, and whether it does so at the top."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "datacheck" else [f"datacheck.{it.name}" for it in node.names]
        elif isinstance(node, ast.Import):
            names = [it.name for it in node.names]
        else:
            continue
        yield from ((name, id(node) in top) for name in names)


def layer(name):
    return name.removeprefix("datacheck").lstrip(".").split(".")[0]


def module_name(path):
    return layer(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = module_name(path)
    if own == "__init__":
        return
    for name, _ in imports(path):
        if not name.startswith("datacheck") or layer(name) in ("", "__version__", own):
            continue
        allowed = RANK[layer(name)] < RANK[own] or (own, layer(name)) in ALLOWED_BESIDE
        assert allowed, f"{own} imports {name}"


def test_each_library_is_imported_in_one_file():
    found = {}
    for path in MODULES:
        for name, _ in imports(path):
            library = next((it for it in HOMES if name == it or name.startswith(f"{it}.")), None)
            if library:
                found.setdefault(library, set()).add(str(path.relative_to(PACKAGE)))
    assert found == {library: {home} for library, home in HOMES.items()}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_talks_and_exits(path):
    if path.name == "cli.py":
        return
    assert not set(calls(path)) & {"print", "sys.exit", "exit", "logging.basicConfig"}


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
)


@pytest.mark.parametrize(
    ("what", "loaded"),
    [
        ("import datacheck", set()),
        (
            "from click.testing import CliRunner; from datacheck.cli import cli; CliRunner().invoke(cli, ['--help'])",
            set(),
        ),
    ],
)
def test_what_is_heavy_is_loaded_late(what, loaded):
    code = f"{what}\nimport sys\nprint(*[it for it in {HEAVY!r} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == loaded


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 420
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            documented = len((ast.get_docstring(node) or "").splitlines())
            assert lines - documented <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_but_the_contract_suites_needs_pytest(path):
    if path.parent.name != "testing":
        assert "pytest" not in {name.split(".")[0] for name, _ in imports(path)}
