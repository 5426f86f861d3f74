"""Test signals while modules are loaded, also at the moments when Python turns the interrupt into another error."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from building import raw_records, write_lmdb

from datacheck.cli import interrupts

MOMENTS = {
    "in a text that is executed": 'exec("os.kill(os.getpid(), signal.SIGTERM)")',
    "while a class is made": (
        "class Named:\n    def __set_name__(self, owner, name): os.kill(os.getpid(), signal.SIGTERM)\n"
        "class Owner:\n    it = Named()"
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("form", [["-m", "datacheck"], ["-c", "from datacheck.__main__ import main; main()"]])
def test_a_signal_while_modules_are_loaded_is_an_interrupt(tmp_path, moment, form):
    """A module that signals when it is imported stands for a user who does so at that moment."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "msgspec.py").write_text(f"import os, signal\n{MOMENTS[moment]}\n")
    store = write_lmdb(tmp_path / "env", raw_records(5))
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    args = [sys.executable, *form, "scan", store]
    done = subprocess.run(args, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("moment", ["streams.prepare", "interrupts.heed", "interrupts.ignore", "streams.written"])
def test_an_interrupt_before_or_after_the_work_ends_a_caller_of_the_command_without_a_traceback(tmp_path, moment):
    store = write_lmdb(tmp_path / "env", raw_records(5))
    code = (
        "import os, signal, sys\nfrom datacheck.cli import entry, interrupts, streams\n"
        f"real = {moment}\n"
        "def struck(*args):\n    result = real(*args)\n    os.kill(os.getpid(), signal.SIGINT)\n    return result\n"
        f"{moment} = struck\nentry.main(sys.argv[1:])"
    )
    args = [sys.executable, "-c", code, "scan", store, "--workers", "1"]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == (0 if moment == "interrupts.ignore" else 130)


def test_the_command_runs_in_a_thread_of_a_caller_where_no_signal_can_be_heeded(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(5))
    code = (
        "import sys, threading\nfrom datacheck.cli.entry import main\n"
        "t = threading.Thread(target=main, args=(sys.argv[1:],))\nt.start()\nt.join()"
    )
    args = [sys.executable, "-c", code, "scan", store, "--workers", "1"]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert "clean: nothing wrong" in done.stdout


def test_an_error_of_another_kind_is_no_interrupt():
    assert interrupts.is_caused_by_interrupt(KeyboardInterrupt())
    assert not interrupts.is_caused_by_interrupt(RuntimeError())
    problem = RuntimeError()
    problem.__cause__ = ValueError()
    assert not interrupts.is_caused_by_interrupt(problem)
    problem.__cause__.__context__ = KeyboardInterrupt()
    assert interrupts.is_caused_by_interrupt(problem)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_at_any_moment_say_nothing_of_python(tmp_path, number):
    """It waits for the first lines of the program: before them the interpreter itself handles the signal."""
    store = write_lmdb(tmp_path / "env", raw_records(200))
    draw = random.Random(number)
    code = "import os\nfrom datacheck import __main__ as it\nit.end_at_once()\nos.write(2, b'.')\nit.main()"
    args = [sys.executable, "-c", code, "scan", store, "--workers", "1"]
    # a signal while Python writes a compiled module may leave half of it, on which every later run would fail
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(8):
        with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
            assert process.stderr.read(1) == b"."
            time.sleep(draw.uniform(0.01, 0.4))
            process.send_signal(number)
            said, complaints = process.communicate(timeout=60)
        assert complaints == b""
        by_signal = () if number == signal.SIGINT else (-number,)
        assert process.returncode in (0, 130, *by_signal), said
