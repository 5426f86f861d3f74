"""A command starts the process that forks its workers before it knows what they need, and has it load that later."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from worker_jobs import MEMORY, about

from datacheck.cli.early import may_be_needed
from datacheck.workers import templates
from datacheck.workers.pool import Pool
from datacheck.workers.process import start_ahead
from datacheck.workers.template import FORKS

needs_forks = pytest.mark.skipif(not FORKS, reason="this system has no processes that fork workers")
LOADED_AT_START = """
import sys
def note(event, arguments):
    if event in ("os.fork", "subprocess.Popen"):
        print("started with", *[it for it in ("click", "msgspec", "numpy") if it in sys.modules])
sys.addaudithook(note)
sys.argv[:] = ["datacheck", *sys.argv[1:]]
from datacheck.__main__ import main
main()
"""


@needs_forks
@pytest.mark.own_workers
def test_workers_are_forked_by_the_process_that_was_started_early():
    close = templates.start_template(MEMORY)
    ((_, early),) = templates.templates
    try:
        start_ahead(MEMORY, ["colorsys"])
        assert [it for _, it in templates.templates] == [early]
        with Pool(about, 1, MEMORY) as pool:
            ((_, (_, parent, loaded, *_)),) = pool.run([0])
        assert parent == early._process.pid
        assert loaded
    finally:
        close()


@needs_forks
@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["scan", "store.h5"], ["started with"]),
        (["scan", "nothing"], ["started with"]),
        (["scan", "--help"], []),
        (["info", "store.h5"], ["started with"]),
        (["rebuild", "store.h5", "copy.h5", "--drop-bad", "--quiet"], ["started with"]),
        (["explain", "nan"], []),
    ],
)
def test_a_command_that_reads_stores_starts_it_before_the_command_line_is_loaded(tmp_path, arguments, printed):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["data"] = np.arange(60.0).reshape(20, 3)
    command = [sys.executable, "-c", LOADED_AT_START, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert [it.strip() for it in done.stdout.split("\n") if it.startswith("started")] == printed
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["-h", "--help", "--schema", "--engine=dask", "--engine", "--if-changed"])
def test_it_is_not_started_for_a_scan_that_may_need_no_worker_here(option):
    assert may_be_needed(["scan", "store"])
    assert not may_be_needed(["scan", "store", option])
    assert not may_be_needed([])
