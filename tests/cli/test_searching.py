"""Test that the search for stores in a folder shows on a terminal how far it has come, and nowhere else."""

import fcntl
import os
import pty
import struct
import sys
import termios

import commanding
import pytest
from building import raw_records, write_lmdb

from datacheck.backends import open_stores

WITHOUT_DELAY = """
import sys
from datacheck.reporting import progress
progress.SHORT = 0
from datacheck.cli import entry
entry.main(sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    write_lmdb(tmp_path / "folder" / "train", raw_records(20))
    for number in range(5):
        (tmp_path / "folder" / f"{number}.txt").write_text("notes")
    return tmp_path / "folder"


def shown(*words):
    """Return what a scan prints on a terminal of 100 columns."""
    pid, terminal = pty.fork()
    if not pid:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        os.execv(sys.executable, [sys.executable, "-c", WITHOUT_DELAY, "scan", "-j1", *map(str, words)])
    raw = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            break
        if not piece:
            break
        raw += piece
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return raw.decode()


def test_every_entry_is_counted(folder):
    counts = []
    (reader,) = open_stores(folder, watch=counts.append).readers
    assert reader.path == folder / "train"
    assert counts == list(range(1, 9))  # the store with its two files, and the texts


def test_it_is_shown_on_a_terminal(folder):
    assert f"searching {folder}: " in shown(folder)


def test_it_is_not_shown_where_no_progress_is_wanted(folder):
    assert "searching" not in shown(folder, "--no-progress")


def test_broken_links_are_counted_in_the_plural(folder):
    for name in ("one", "two"):
        (folder / name).symlink_to("nowhere")
    assert "not read: 5 text files, 2 links that lead nowhere" in commanding.datacheck("scan", folder, "-j1").stdout


def test_it_is_not_shown_in_a_pipe(folder):
    done = commanding.datacheck("scan", folder, "-j1")
    assert (done.returncode, done.stderr) == (0, "")
