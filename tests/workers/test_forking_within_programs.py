"""A program that runs the command in its own process, after it has loaded, opened or set up something itself."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from datacheck.workers.template import FORKS

WITHIN = """
import sys
{before}
sys.argv[:] = ["datacheck", "scan", "--no-config", *sys.argv[1:]]
from datacheck.__main__ import main
main()
"""
STARTED = """
from datacheck.workers.own_fork import is_bare
print(is_bare(), file=sys.__stderr__)
"""


def run(before, *words):
    variables = {name: it for name, it in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    variables["OPENBLAS_NUM_THREADS"] = "1"
    command = [sys.executable, "-c", before, *words]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=120)


def test_a_file_that_the_program_holds_open_is_read_as_it_is(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.random.default_rng(0).normal(size=(50, 4))
    before = "import h5py; file = h5py.File(sys.argv[1]); file['x'][0]"
    done = run(WITHIN.format(before=before), str(tmp_path / "a.h5"), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not FORKS, reason="this system has no processes that fork workers")
@pytest.mark.parametrize(
    ("before", "bare"),
    [
        ("import signal; signal.signal(signal.SIGINT, lambda *_: None)", "True\n"),  # as the command does
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "True\n"),
        ("import signal; signal.signal(signal.SIGTERM, lambda *_: None)", "False\n"),
        ("sys.stdout = None", "False\n"),
        ("import lmdb", "False\n"),
    ],
)
def test_what_the_program_has_set_up_does_not_reach_workers(before, bare):
    assert run(f"import sys\n{before}\n{STARTED}").stderr == bare
