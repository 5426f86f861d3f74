"""Memory that is asked for again and again is not given back in between."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource
from datacheck.workers.limits import keep_freed_memory
{}

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pages = [bytes(200_000).replace(b"x", b"y") for _ in range(100)]
    del pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(min(faults() for _ in range(3)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told")
def test_pages_of_a_transaction_are_asked_of_the_kernel_once():
    def least(first):
        code = CODE.format(first)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)

    assert least("keep_freed_memory(32 << 20)") < 100 < least("")
