"""Test the users' cases beside the checkout as a ratchet: what holds must continue to hold.

`field_not_yet.txt` lists the checks that do not hold yet, one per line. A check that is not listed must hold. A listed
check must fail, so that whoever makes it hold removes it from the list and nobody breaks it again.
"""

import importlib.util
import os
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
from commanding import Endless, datacheck

FIELD = Path(__file__).parents[2] / "shared" / "field"
NOT_YET = Path(__file__).with_name("field_not_yet.txt")
CASES = sorted(path.parent for path in FIELD.glob("*/checks.json"))

pytestmark = pytest.mark.skipif(not CASES, reason="the folder of users' cases does not lie beside this checkout")


@cache
def runner():
    spec = importlib.util.spec_from_file_location("field_run", FIELD / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spawn_here(spawn, command):
    """Return a `spawn` of a case that runs the command in this process, unless with a limit or another command."""

    def spawned(case, argv, cwd, limit=None, timeout=240):
        if limit or argv[0] != command:
            return spawn(case, argv, cwd, limit, timeout)
        environment = {**os.environ, "COLUMNS": case.env["COLUMNS"]}
        try:
            done = datacheck(*argv[1:], cwd=cwd, env=environment, text=False, timeout=timeout)
        except Endless as exc:
            return -1, "", str(exc)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    return spawned


def not_yet():
    lines = NOT_YET.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_users_case_holds_as_far_as_it_did(case, tmp_path, monkeypatch):
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
