"""Test that the garbage collector is nearly off while a worker loads, and normal from its second task on."""

import pytest
from worker_jobs import thresholds

from datacheck.workers.interpreter import RARELY
from datacheck.workers.pool import Pool


@pytest.mark.own_workers
def test_garbage_is_looked_for_once_all_is_loaded():
    with Pool(thresholds, 1, 4 << 30) as pool:
        first, second = (result for _, result in pool.run([1, 2]))
    assert first[0][0] == RARELY
    assert second[0][0] < RARELY
    assert second[0][0] == _of_a_fresh_interpreter()
    assert second[1] > first[1]


def _of_a_fresh_interpreter():
    import subprocess
    import sys

    told = subprocess.run([sys.executable, "-c", "import gc; print(gc.get_threshold()[0])"], capture_output=True)
    return int(told.stdout)
