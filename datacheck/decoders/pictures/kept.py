"""Keep machine code that numba made, so that it runs without loading numba, which takes a process 0.4 s.

The code is linked by llvmlite, as numba does. It depends on nothing outside itself: it does not call Python or numba,
and nothing in it raises. It is used again only with the same Python, numba and llvmlite on the same kind of processor,
and only from a file that belongs to the user or root and that nobody else may write. If no folder is writable, the
workers of one run share it through a file in memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datacheck.decoders.pictures.digesting import digest_of
from datacheck.files import common
from datacheck.files.regular import open_descriptor, read_whole

_MAGIC = b"datacheck machine code 1\n"
_LARGEST = 1 << 24
_MACHINES = frozenset({("linux", "x86_64")})
"""Platforms on which this was seen to work. On others numba is loaded, which caches what it compiled in its own way."""
PATIENCE, _PAUSE = 30.0, 0.02
"""How long a process waits for another that compiles the same code, and how often it looks, both in seconds."""
_TARGET = {"reloc": "pic", "codemodel": "small", "opt": 3}

_sources: set[str] = set()
_linked: list[Any] = []
"""Linked code, which stays in memory only while something refers to it."""


class _Unusable(Exception):
    """Raised for code that must not be kept or run."""


_OTHERWISE = (_Unusable, ImportError, OSError, ValueError, RuntimeError, AttributeError, TypeError)
"""Errors that mean that nothing can be kept or run here.

AttributeError and TypeError come from a version of llvmlite with other functions.
"""


def keep_out_of(source: Path) -> None:
    """From now on, keep no compiled code within this source."""
    _sources.add(os.path.realpath(source))


def within_a_source(folder: str | Path) -> bool:
    """Check whether a folder is in a source, so that nothing may be kept there."""
    real = Path(os.path.realpath(folder))
    return any(real.is_relative_to(it) for it in _sources)


def possible() -> bool:
    """Check whether code is kept on this kind of machine."""
    return (sys.platform, os.uname().machine) in _MACHINES


def address_of(module: str, name: str) -> int | None:
    """Return the address of a function of a module, from code that is kept; None if there is no usable code."""
    try:
        file = _file_name(module, name)
    except _OTHERWISE:
        return None
    for folder in _folders(module):
        with contextlib.suppress(*_OTHERWISE):
            symbol, code = _read(folder / file, file)
            return _link(file, symbol, code)
    with contextlib.suppress(*_OTHERWISE):
        symbol, code = _read_common(file)
        return _link(file, symbol, code)
    return None


def keep(module: str, name: str, assembly: str, symbol: str) -> int | None:
    """Keep the code of a function, given as LLVM assembly; return its address, or None if it cannot be kept."""
    try:
        file = _file_name(module, name)
        code = _object_code(assembly, symbol)
        address = _link(file, symbol, code)
    except _OTHERWISE:
        return None
    content = _packed(file, symbol, code)
    for folder in _folders(module):
        with contextlib.suppress(OSError):
            _write(folder / file, content)
            return address
    with contextlib.suppress(OSError):
        _write_common(content)
    return address


@contextlib.contextmanager
def compile_lock(module: str) -> Iterator[None]:
    """Lock the code of a module, so that one process compiles it while others wait for the result.

    The lock is on the folder, or on the file that workers share, so nothing is left behind and a process that dies
    releases it. A process that has waited for too long goes on without the lock, as does one that has nothing to lock.
    """
    locked = _take_lock(module) if possible() else None
    try:
        yield
    finally:
        if locked is not None:
            os.close(locked)


def _take_lock(module: str) -> int | None:
    """Return a descriptor that holds the lock, or None if nothing can be kept. After too long a wait it is unlocked."""
    descriptor = next((it for it in map(_open_folder, _folders(module)) if it is not None), None)
    if descriptor is None:
        with contextlib.suppress(OSError):
            descriptor = common.opened()
    end = time.monotonic() + PATIENCE
    while descriptor is not None and time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:  # a file system without locks
            break
        else:
            break
    return descriptor


def _open_folder(folder: Path) -> int | None:
    """Return the descriptor of a folder, or None if nothing can be kept there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return None
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


def _folders(module: str) -> Iterator[Path]:
    """Yield the folders that code may be kept in, as numba does: the one that NUMBA_CACHE_DIR names, or else two.

    These two are beside the module, and in the user's cache directory.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named and not within_a_source(named):
        yield Path(named)
        return
    spec, folders = find_spec(module), []
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "__pycache__")
    with contextlib.suppress(RuntimeError):  # there is no home
        folders.append(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "datacheck")
    yield from (it for it in folders if it.is_absolute() and not within_a_source(it))


@functools.cache
def _file_name(module: str, name: str) -> str:
    """Return the name of the file for a function's code, with a digest of everything that the code depends on."""
    if not possible():
        raise _Unusable
    digest = digest_of(module, __name__, f"{__name__.rpartition('.')[0]}.compiled")
    if digest is None:
        raise _Unusable
    hasher = hashlib.sha256()
    for it in (digest, *_environment()):
        hasher.update(f"{len(it)}:{it}".encode())
    return f"{module.rpartition('.')[2]}.{name}-{hasher.hexdigest()[:32]}.code"


@functools.cache
def _environment() -> tuple[str, ...]:
    """Return what machine code depends on besides the source that it is compiled from."""
    numba, numpy, llvm = find_spec("numba"), sys.modules.get("numpy"), _llvm()
    if numba is None or numba.origin is None:
        raise _Unusable
    beside = Path(numba.origin).parent
    versions = [_digest_of_file(beside / it) for it in ("__init__.py", "_version.py")]
    settings = [f"{name}={it}" for name, it in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    return (
        sys.version,
        str(beside),
        *versions,
        _llvmlite_version(),
        str(getattr(numpy, "__version__", "")),
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        *(it for it in settings if not it.startswith("NUMBA_CACHE_DIR=")),
    )


def _digest_of_file(path: Path) -> str:
    try:
        return hashlib.sha256(read_whole(path, _LARGEST)).hexdigest()
    except FileNotFoundError:
        return ""


@functools.cache
def _llvm() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    return binding


def _llvmlite_version() -> str:
    import llvmlite

    return str(llvmlite.__version__)


def _object_code(assembly: str, symbol: str) -> bytes:
    """Return the object code of a function. Raises _Unusable if it calls anything outside it.

    Only the function itself stays visible from outside. LLVM then sees that nothing raises, and leaves out the code for
    that, which would call Python.
    """
    llvm = _llvm()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(assembly)
    for it in (*module.functions, *module.global_variables):
        if not it.is_declaration and it.name != symbol:
            it.linkage = "internal"
    features = llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, **_TARGET
    )
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    builder.getModulePassManager().run(module, builder)
    for it in (*module.functions, *module.global_variables):
        if it.is_declaration and not it.name.startswith("llvm."):
            raise _Unusable
    object_code: bytes = machine.emit_object(module)
    return object_code


def _link(file: str, symbol: str, code: bytes) -> int:
    llvm = _llvm()
    jit = llvm.create_lljit_compiler(use_jit_link=True)
    builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(symbol)
    library = builder.link(jit, file)
    _linked.append((jit, library))
    address: int = library[symbol]
    return address


def _read(path: Path, file: str) -> tuple[str, bytes]:
    """Return the symbol and the code in a file. Raises _Unusable, or OSError if there is no file."""
    return _unpacked(_read_file(open_descriptor(path, follow=False)), file)


def _read_common(file: str) -> tuple[str, bytes]:
    """Return the symbol and the code that another worker of this run has put into the shared file.

    Raises as _read does.
    """
    descriptor = common.opened()
    for piece in [] if descriptor is None else _read_file(descriptor).split(_MAGIC)[1:]:
        with contextlib.suppress(_Unusable):
            return _unpacked(_MAGIC + piece, file)
    raise _Unusable


def _read_file(descriptor: int) -> bytes:
    """Return the content of an open file and close it. Raises as _read does.

    The file must belong to the user or root, and nobody else may be able to write it.
    """
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise _Unusable
        content = b""
        while len(content) <= _LARGEST and (piece := os.read(descriptor, _LARGEST)):
            content += piece
    finally:
        os.close(descriptor)
    return content


def _packed(file: str, symbol: str, code: bytes) -> bytes:
    content = b"\n".join([file.encode(), symbol.encode(), code])
    return _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def _unpacked(stored: bytes, file: str) -> tuple[str, bytes]:
    """Return the symbol and the code. Raises _Unusable if they are incomplete or were kept under another name."""
    digest, _, content = stored.removeprefix(_MAGIC).partition(b"\n")
    if not stored.startswith(_MAGIC) or hashlib.sha256(content).hexdigest().encode() != digest:
        raise _Unusable
    name, symbol, code = content.split(b"\n", 2)
    if name.decode() != file:
        raise _Unusable
    return symbol.decode(), code


def _write(path: Path, content: bytes) -> None:
    """Write content to a file, whole or not at all."""
    import tempfile

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            os.fchmod(out.fileno(), 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise


def _write_common(content: bytes) -> None:
    """Append content to the file that workers share. If this is cut short, the part does not match its digest."""
    descriptor = common.opened()
    if descriptor is not None:
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
