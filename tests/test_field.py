"""Test the users' cases beside the checkout as a ratchet: what holds must continue to hold.

`field_not_yet.txt` lists the checks that do not hold yet, one per line. A check that is not listed must hold. A listed
check must fail, so that whoever makes it hold removes it from the list and nobody breaks it again.
"""

import importlib.util
import os
import re
import runpy
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from functools import cache
from pathlib import Path

import pytest
from commanding import Endless, datacheck

from datacheck.backends.leveldb.writer import is_installed as can_write_leveldb

FIELD = Path(__file__).parents[2] / "shared" / "field"
NOT_YET = Path(__file__).with_name("field_not_yet.txt")
WRITES_LEVELDB = re.compile(r"\bleveldb\(|\bimport plyvel")
CASES = sorted(path.parent for path in FIELD.glob("*/checks.json"))

pytestmark = pytest.mark.skipif(not CASES, reason="the folder of users' cases does not lie beside this checkout")


@cache
def runner():
    spec = importlib.util.spec_from_file_location("field_run", FIELD / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spawn_here(spawn, command):
    """Return a `spawn` of a case that runs the command in this process, and Python in a fork of it, but for limits."""

    def spawned(case, argv, cwd, limit=None, timeout=240):
        if not limit and argv[0] == sys.executable:
            return run_in_fork(Path(argv[1]), argv[2:], cwd, case.env, timeout)
        if limit or argv[0] != command:
            return spawn(case, argv, cwd, limit, timeout)
        environment = {**os.environ, "COLUMNS": case.env["COLUMNS"]}
        try:
            done = datacheck(*argv[1:], cwd=cwd, env=environment, text=False, timeout=timeout)
        except Endless as exc:
            return -1, "", str(exc)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    return spawned


def run_in_fork(script, arguments, cwd, environment, timeout):
    """Run a script in a fork of this process, which has loaded what most scripts load, and return what a spawn does."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        pid = os.fork()
        if not pid:
            status = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(timeout)
                os.dup2(said.fileno(), 1)
                os.dup2(complained.fileno(), 2)
                status = run_as_main(script, [*map(str, arguments)], cwd, environment)
            finally:
                os._exit(status)
        _, ended = os.waitpid(pid, 0)
        texts = [os.pread(it.fileno(), os.fstat(it.fileno()).st_size, 0) for it in (said, complained)]
    return os.waitstatus_to_exitcode(ended), *(it.decode(errors="replace") for it in texts)


def run_as_main(script, arguments, cwd, environment):
    """Run a script as a new interpreter does; return its exit status."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.path[:0] = [str(script), *arguments], [str(script.parent), environment["PYTHONPATH"]]
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as exc:
        if isinstance(exc.code, str):
            sys.stderr.write(exc.code)
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001  (a border: an interpreter prints whatever is raised)
        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def not_yet():
    lines = NOT_YET.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_users_case_holds_as_far_as_it_did(case, tmp_path, monkeypatch):
    if not can_write_leveldb() and WRITES_LEVELDB.search((case / "make.py").read_text(encoding="utf-8")):
        pytest.skip("plyvel, which writes the case's LevelDB, is not installed: it has no wheels for this Python")
    command = shutil.which("datacheck", path=str(Path(sys.executable).parent))
    assert command, "no datacheck command beside this Python"
    monkeypatch.setattr(runner().Case, "spawn", spawn_here(runner().Case.spawn, command))
    listed = {line for line in not_yet() if line.startswith(f"{case.name}: ")}
    total, failing, notes = runner().one(case, command, sys.executable, tmp_path)
    if not total:
        pytest.skip(" ".join(notes))
    fails = {line.split(" -- ")[0]: line for line in failing}
    ceased = [line for name, line in fails.items() if name not in listed]
    begun = sorted(listed - set(fails))
    assert not ceased, "these held before:\n" + "\n".join(ceased)
    assert not begun, "these hold now; take them out of tests/field_not_yet.txt:\n" + "\n".join(begun)


def test_list_names_only_cases_that_exist():
    known = {case.name for case in CASES}
    assert [line for line in not_yet() if line.split(": ")[0] not in known] == []
    assert len(set(not_yet())) == len(not_yet())
