"""Hostile files of others: whatever is in them, reading ends, without an exception."""

import collections
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.shard_parts import parts
from datacheck.backends.hdf5.tables import Contents, Table, shards
from datacheck.backends.interface import StoreOptions

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpora" / "cve_hdf5"
SECONDS = 20
READ_ALL = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from datacheck.backends.interface import StoreOptions
from datacheck.backends.hdf5.reader import Hdf5Reader
for line in sys.stdin:
    reader = Hdf5Reader.recognise(Path(line.rstrip()), StoreOptions())
    if reader is None:
        print("- - not-hdf5", flush=True)
        continue
    layout = reader.layout()
    blocks = [block for shard in layout.shards for block in reader.blocks(shard)]
    rows = sum(map(len, blocks))
    codes = [it.code for it in layout.findings] + [it.code for block in blocks for _, it in block.findings]
    print(layout.records, rows, *sorted(set(codes)), flush=True)
"""


class Child:
    """A process that reads one file after the other; `read` returns what it said, or None if it died."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", READ_ALL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        self.said = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.said.put(line)
        self.said.put(None)

    def read(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return self.said.get(timeout=SECONDS)

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        words = self.process.stderr.read()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        return words


def test_every_hostile_file_comes_to_an_end():
    if not CORPUS.is_dir():
        pytest.skip("the corpus of hostile HDF5 files is not on this machine")
    killers, uneven = set(), set()
    codes = collections.Counter()
    child = Child()
    try:
        for path in sorted(CORPUS.iterdir()):
            line = child.read(path)
            if line is None:
                code = child.process.wait(SECONDS)
                words = child.end()
                assert code < 0, f"{path.name}: {words}"
                killers.add(path.name)
                child = Child()
                continue
            records, rows, *said = line.split()
            codes.update(said)
            if records.isdigit() and records != rows:
                uneven.add(path.name)
    finally:
        child.end()
    assert killers == set(), "a file that kills is walked around (h5py 3.16, HDF5 2.0)"
    assert codes["crash"] >= 1
    assert uneven == set(), "the layout says how many rows there are"
    assert codes["damaged-store"] > 80
    assert codes["not-hdf5"] == 4, "four files of the corpus are not HDF5"


def test_a_worker_is_told_what_killed_the_walk():
    path = CORPUS / "cve-2024-32609.h5"
    if not path.exists():
        pytest.skip("the corpus of hostile HDF5 files is not on this machine")
    contents = Contents(tables=(Table("/t", 3, ()),), deadly=((7, "SIGSEGV"), (9, "SIGALRM")))
    (shard,) = shards(4, contents)
    assert parts(shard) == (4, "/t", contents.deadly)
    reader = Hdf5Reader.recognise(path, StoreOptions())
    (finding,) = [it for it in reader.layout().findings if it.code == "crash"]
    assert finding.message == "/int/uint: the library died of SIGSEGV"
