"""Test the names that the documents import from `datacheck.engines`."""

import subprocess
import sys


def test_the_engines_are_there_after_importing_datacheck_alone():
    script = "import datacheck, sys; print(datacheck.engines.Dask.name, 'distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("dask False\n", "")
