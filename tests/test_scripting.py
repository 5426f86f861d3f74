"""Test that a script whose commands run in the test process does what it does with processes."""

from building import raw_records, write_lmdb
from documents import environment, in_processes, timeless
from scripting import run

SCRIPT = """
cd below
datacheck scan store 'no such' | cat
echo "status ${PIPESTATUS[0]}"
datacheck --version && (exec 2>&1; COLUMNS=60 datacheck show store no)
FORCE_COLOR=1 datacheck scan store
exit 7
"""


def test_it_prints_and_returns_the_same(tmp_path):
    (tmp_path / "below").mkdir()
    write_lmdb(tmp_path / "below/store", raw_records(20))
    here, there = (it(SCRIPT, tmp_path, environment()) for it in (run, in_processes))
    assert (here.returncode, timeless(here.stdout), here.stderr) == (7, timeless(there.stdout), there.stderr)
    assert "status 2" in here.stdout
    assert here.stderr


def test_commands_at_a_time_take_turns(tmp_path):
    done = run("for at in 1 2 3; do datacheck --version > $at & done; wait; cat 1 2 3", tmp_path)
    assert len(done.stdout.splitlines()) == 3
    assert len(set(done.stdout.splitlines())) == 1
