"""The file that a process shares with its workers never becomes the process's standard output."""

import os
import subprocess
import sys

import pytest

NUMBER = """
import os, sys
os.closerange(0, 3)
from datacheck.files.common import worker_environment
[path] = worker_environment().values()
os._exit(int(path.rpartition("/")[2]))
"""


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_the_shared_file_is_no_standard_stream_if_these_are_closed():
    assert subprocess.run([sys.executable, "-c", NUMBER], check=False).returncode > 2
