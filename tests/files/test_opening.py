"""Test that every path is opened for reading by `datacheck.files`, which waits for no pipe and reads no device."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "datacheck"
MODULES = sorted(it for it in PACKAGE.rglob("*.py") if it.parent.name != "files")

READING = {"open", "fdopen", "read_bytes", "read_text", "memmap", "fromfile", "load", "loadtxt", "mmap", "File", "DB"}
"""Names of functions that open a path, whatever they belong to."""
LIBRARIES = ("h5", "self.h5", "self._h5", "library()")
"""Calls on these open a part of an HDF5 file that is already open."""
EXCEPTIONS = {
    ("backends/hdf5/file.py", "library().File"): "the library's own; `superblock` has opened the path before",
    ("backends/hdf5/file.py", "h5.File"): "the library's own; `superblock` has opened the path before",
    ("backends/hdf5/copying/builder.py", "self._target.open"): "its own copy, in the workplace",
    ("backends/hdf5/copying/builder.py", "self._tree.open"): "an object of a file that is open",
    ("backends/hdf5/copying/copier.py", "tree.open"): "an object of a file that is open",
    ("backends/hdf5/copying/whole_files.py", "(target / reader.path.name).read_bytes"): "its own copy, as it is made",
    ("backends/hdf5/copying/digest.py", "tree.open"): "an object of a file that is open",
    ("backends/hdf5/copying/copy_losses.py", "tree.open"): "an object of a file that is open",
    ("backends/hdf5/library/bounds.py", "_STATM.read_bytes"): "what the kernel says of this process",
    ("backends/hdf5/library/fork_guard.py", "mmap.mmap"): "memory, of no file",
    ("backends/shared/read_buffers.py", "mmap.mmap"): "memory, of no file",
    ("backends/leveldb/writer.py", "plyvel.DB"): "writes",
    ("backends/lmdb/library.py", "lmdb.open"): "the library's own, after `require_regular`; and the writer's",
    ("backends/lmdb/layout.py", "data.open"): "its own copy, in the workplace",
    ("backends/lmdb/pages.py", "mmap.mmap"): "of a descriptor from `open_descriptor`",
    ("caffe/syntax.py", "self.open"): "a message in a text",
    ("backends/replaceable.py", "os.open"): "a name in a folder that is held, after it was looked at, without waiting",
    ("backends/taken_over.py", "os.open"): "a name in a folder that is held, after it was looked at, without waiting",
    ("backends/taken_over.py", "os.fdopen"): "a descriptor of that",
    ("decoders/pictures/kept.py", "os.open"): "a folder, to lock it",
    ("backends/copy_plan.py", "np.memmap"): "its own list, in the workplace",
    ("demo/__init__.py", "file.read_bytes"): "the pictures that are installed with the package",
    ("decoders/pictures/pillow.py", "image.load"): "pixels, of bytes in memory",
    ("demo/__init__.py", "log.read_bytes"): "a file that it has just written",
    ("backends/hdf5/library/fork_guard.py", "os.fdopen"): "a pipe from its own child, which has an alarm",
    ("cli/streams.py", "os.open"): "the null device",
    ("testing/readers.py", "it.read_bytes"): "a store that the test has built",
    ("testing/readers.py", "self.open"): "a reader, which opens nothing",
    ("workers/own_fork.py", "os.open"): "the null device",
}
"""Other calls of these names, by module and callee, and why the path needs no check beforehand."""


def writes(call):
    """Check whether a call of `open` only writes, by its literal mode."""
    modes = [it.value for it in [*call.args[:2], *(it.value for it in call.keywords)] if isinstance(it, ast.Constant)]
    return any(isinstance(it, str) and set(it) & set("wax") and set(it) <= set("wax+bt") for it in modes)


def opening(text):
    """Yield the calls of a module that may open a path for reading."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        callee = ast.unparse(node.func)
        name = callee.rpartition(".")[2]
        if name not in READING or writes(node):
            continue
        if name == "open" and any(callee.startswith(f"{it}.h5") for it in LIBRARIES) | callee.startswith("h5.h5"):
            continue
        yield callee


def test_nothing_else_opens_a_path_for_reading():
    found = {(str(it.relative_to(PACKAGE)), callee) for it in MODULES for callee in opening(it.read_text())}
    assert found - EXCEPTIONS.keys() == set(), "use datacheck.files.regular, or say why not"
    assert EXCEPTIONS.keys() - found == set(), "no exceptions any more"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("path.open('rb')", ["path.open"]),
        ("path.open()", ["path.open"]),
        ("open(path)", ["open"]),
        ("open(path, 'r+b')", ["open"]),
        ("os.open(path, os.O_RDONLY)", ["os.open"]),
        ("file.read_bytes()", ["file.read_bytes"]),
        ("(folder / 'CURRENT').open('rb')", ["(folder / 'CURRENT').open"]),
        ("np.load(path)", ["np.load"]),
        ("path.open('w', encoding='utf-8')", []),
        ("open(path, mode='wb')", []),
        ("self._h5.h5o.open(group, name)", []),
        ("open_regular(path)", []),
    ],
)
def test_what_opens_is_recognised(text, found):
    assert list(opening(text)) == found
