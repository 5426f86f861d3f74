"""Recognise globals that no data needs: code that runs commands, opens files or loads more code when unpickled."""

from __future__ import annotations

from functools import lru_cache

from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque, Run, Widened
from datacheck.model.escaping import plain

MODULES = frozenset(
    {
        "os", "posix", "nt", "subprocess", "sys", "runpy", "importlib", "imp", "socket", "ctypes", "pty", "commands",
        "shutil", "webbrowser", "pdb", "bdb", "code", "codeop", "timeit", "profile", "cProfile", "trace", "marshal",
        "pickle", "dill", "shelve", "asyncio", "signal", "http", "urllib", "urllib2", "requests", "httplib", "ftplib",
        "smtplib", "telnetlib", "xmlrpc", "socketserver", "tempfile", "fileinput", "mmap", "pkgutil", "zipimport",
        "linecache", "sqlite3", "io", "distutils", "setuptools", "pip", "site", "popen2", "_posixsubprocess",
        "_ctypes", "_pickle", "cPickle", "_socket", "_io",
    }
)  # fmt: skip
"""Modules whose functions run commands, open files or connections, or load code."""
BUILTINS = frozenset({"builtins", "__builtin__", "__builtins__"})
FUNCTIONS = frozenset(
    {
        "eval", "exec", "compile", "open", "getattr", "setattr", "delattr", "__import__", "globals", "locals", "vars",
        "input", "breakpoint", "execfile", "apply", "file", "reload", "exit", "quit", "help", "dir",
    }
)  # fmt: skip
"""Built-in functions that do the same or lead to it."""
NAMED = frozenset(
    {
        "types.CodeType",
        "types.FunctionType",
        "types.ModuleType",
        "numpy.load",
        "numpy.fromfile",
        "numpy.testing._private.utils.runstring",
        "pandas.read_pickle",
        "joblib.load",
        "torch.load",
        "torch.hub.load",
        "torch.jit.load",
        "torch.serialization.load",
        "logging.config.listen",
        "multiprocessing.util.spawnv_passfds",
        "operator.attrgetter",
        "operator.methodcaller",
        "_operator.attrgetter",
        "_operator.methodcaller",
    }
)
TYPES = frozenset({"numpy.memmap"})
"""Classes that open files if they are called, and are harmless as the class of an array, which NumPy only names."""
HARMLESS = frozenset(
    {
        *(f"{module}.{name}_result" for module in ("os", "posix", "nt") for name in ("stat", "statvfs", "times")),
        "os.terminal_size",
        "io.BytesIO",
        "_io.BytesIO",
        "io.StringIO",
        "_io.StringIO",
        "socket.AddressFamily",
        "socket.SocketKind",
        "signal.Signals",
        "dill._dill._create_array",
    }
)  # fmt: skip
"""Harmless members of these modules: results that are tuples, buffers in memory, enumerations.

dill's function that makes arrays is harmless itself; the function that it calls is named beside it and judged
separately.
"""
SHOWN = 40
"""Maximum number of characters of an argument that are quoted."""


@lru_cache(maxsize=1024)
def is_unsafe(module: str, name: str) -> bool:
    """Check whether a global runs commands, opens files, or leads to something that does.

    >>> is_unsafe("posix", "system"), is_unsafe("collections", "OrderedDict"), is_unsafe("numpy", "f2py.os.system")
    (True, False, True)
    """
    dotted = f"{module}.{name}"
    if dotted in HARMLESS:
        return False
    if dotted in NAMED:
        return True
    top = module.partition(".")[0]
    if top in BUILTINS:
        return name.partition(".")[0] in FUNCTIONS or "." in name
    parts = name.split(".")
    return top in MODULES or any(it in MODULES or it in BUILTINS for it in parts[:-1]) or "__" in "".join(parts[:-1])


def describe(module: str, name: str, arguments: Node = None) -> str:
    """Describe what unpickling would do with this global: call it with these arguments or, if None, only import it."""
    dotted = plain(f"{module}.{name}"[: 4 * SHOWN])
    if not isinstance(arguments, Items):
        return f"unpickling this would import {dotted}"
    shown = ", ".join(_argument_text(it) for it in arguments.items[:3])
    return f"unpickling this would call {dotted}({shown}{', ...' if len(arguments.items) > 3 else ''})"


def _argument_text(argument: Node) -> str:
    if isinstance(argument, (str, bytes, int, float, complex)) or argument is None:
        if isinstance(argument, int) and argument.bit_length() > 4 * SHOWN:  # Python refuses to print the largest
            return "a number"
        text = repr(argument[: SHOWN + 1] if isinstance(argument, (str, bytes)) else argument)
        return plain(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
    if isinstance(argument, (Opaque, Keyed)):
        return plain((argument.kind or "{...}")[: 2 * SHOWN])
    return "[...]" if isinstance(argument, (Items, Run, Widened, Flawed)) else "..."
