"""A command forks the process that forks its workers from itself, if that is as good as starting an interpreter."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from building import raw_records, write_lmdb

from datacheck.workers.own_fork import OwnFork
from datacheck.workers.template import FORKS

pytestmark = pytest.mark.skipif(not FORKS, reason="this system has no processes that fork workers")
TESTS = Path(__file__).parents[1]
COMMAND = """
import os, sys
sys.path.append({tests!r})
{before}
from datacheck.cli.early import start_template
end = start_template(["scan", *sys.argv[1:]], (700, 10, 10))
from datacheck.workers.templates import WORKER_BYTES, templates
((_, template),) = templates
print(type(template._process).__name__, flush=True)
{after}
end()
"""
IN_A_WORKER = """
from worker_jobs import surroundings
from datacheck.workers.pool import Pool
with Pool(surroundings, 1, WORKER_BYTES) as pool:
    print(next(iter(pool.run([0])))[1])
"""


def run(before="", after="", environment=None, options=()):
    code = COMMAND.format(tests=str(TESTS), before=before, after=after)
    variables = {name: it for name, it in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    command = [sys.executable, *options, "-c", code, "store"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=variables | (environment or {}), check=False, timeout=120
    )
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


def test_a_command_that_nobody_has_changed_forks_it():
    assert run() == ["OwnFork"]


@pytest.mark.parametrize(
    ("before", "environment", "options"),
    [
        ("import threading, time; threading.Thread(target=time.sleep, args=(30,), daemon=True).start()", {}, []),
        ("sys.settrace(lambda *_: None)", {}, []),
        ("sys.setprofile(lambda *_: None)", {}, []),
        ("", {"PYTHONWARNINGS": "ignore"}, []),
        ("", {"PYTHONTRACEMALLOC": "1"}, []),
        ("", {}, ["-O"]),
        ("", {}, ["-W", "ignore"]),
        ("", {}, ["-X", "faulthandler"]),
    ],
)
def test_one_that_runs_in_another_way_starts_an_interpreter(before, environment, options):
    assert run(before, environment=environment, options=options) == ["Popen"]


def test_its_workers_are_like_those_of_an_interpreter():
    before = "open_file = open(__import__('__main__').__dict__['sys'].executable); os.set_inheritable(3, True)"
    variables = {"OF_CALLER": "kept"}
    forked = run(before, IN_A_WORKER, variables)
    started = run(before, IN_A_WORKER, variables | {"PYTHONWARNINGS": "ignore"})
    assert [forked[0], started[0]] == ["OwnFork", "Popen"]
    assert forked[1] == started[1]
    assert "['/dev/null'] {'OPENBLAS_NUM_THREADS': '1', 'BLOSC_NTHREADS': '1', 'OF_CALLER': 'kept'}" in forked[1]
    assert forked[1].endswith("click False")


def test_it_ends_with_a_command_that_is_killed():
    after = "print(template._process.pid, flush=True); os.kill(os.getpid(), 9)"
    name, number = run(after=after)
    assert name == "OwnFork"
    until = time.monotonic() + 60
    while Path(f"/proc/{number}").exists() and " Z " not in Path(f"/proc/{number}/stat").read_text():
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.02)


def test_the_command_goes_on_if_it_is_killed(tmp_path):
    write_lmdb(tmp_path / "store", raw_records(20))
    after = f"""
template._process.kill()
print(template._process.wait(), template.alive)
import datacheck
print(datacheck.scan({str(tmp_path / "store")!r}).clean)
"""
    assert run(after=after) == ["OwnFork", "-9 False", "True"]


def test_a_child_that_nobody_may_wait_for_has_ended_somehow():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = OwnFork(child.pid)
    gone.kill()
    assert (gone.poll(), gone.wait()) == (0, 0)


def test_a_system_that_refuses_the_fork_is_asked_for_an_interpreter_later(tmp_path):
    write_lmdb(tmp_path / "store", raw_records(20))
    code = f"""
import os, sys
def refused():
    os.fork = fork
    raise BlockingIOError(11, "Resource temporarily unavailable")
fork, os.fork = os.fork, refused
sys.argv[:] = ["datacheck", "scan", "--quiet", {str(tmp_path / "store")!r}]
from datacheck.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
