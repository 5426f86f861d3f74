"""Test that workers end with their caller, and that no oddity of a caller changes what is said about the data."""

import contextlib
import errno
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from building import key, raw_records, write_lmdb
from click.testing import CliRunner
from leveldb_building import write_log_store
from worker_jobs import MEMORY, die, obey, pid_of, state

import datacheck
from datacheck.backends.leveldb.writer import is_installed
from datacheck.backends.lmdb.library import LmdbWriter
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.cli.entry import cli, main
from datacheck.errors import WorkersFailed
from datacheck.reporting.document import Document, Documents
from datacheck.workers import interpreter as interpreter_module
from datacheck.workers.interface import Death
from datacheck.workers.interpreter import _MAIN
from datacheck.workers.pool import Pool
from datacheck.workers.process import _ahead, start_ahead
from datacheck.workers.templates import WORKER_BYTES

pytestmark = pytest.mark.own_workers

SLOW = 60
"""Timeout in seconds for what must happen in a test; nothing is measured."""


def wait_for(path):
    until = time.monotonic() + SLOW
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until, "the worker never began"
        time.sleep(0.02)
    return int(path.read_text())


def gone(pid):
    """Wait for a process to end, and return whether it does; another process's zombie counts as ended."""
    until = time.monotonic() + SLOW
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


TESTS = str(Path(__file__).parents[1])
CALLER = """
import sys, threading, signal, os
sys.path[:0] = [{tests!r}]
import worker_jobs
from datacheck.workers.pool import Pool
{before}
def work():
    with Pool(worker_jobs.{job}, 1, 1 << 30) as pool:
        list(pool.run([{mark!r}]))
{how}
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its caller ended")
@pytest.mark.parametrize("job", ["stuck", "asleep"])
@pytest.mark.parametrize("how", ["work()", "t = threading.Thread(target=work); t.start(); t.join()"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
        "[signal.signal(it, signal.SIG_IGN) for it in (signal.SIGALRM, signal.SIGIO, signal.SIGPROF, signal.SIGCHLD)]",
    ],
    ids=["plain", "blocked", "ignored"],
)
def test_a_worker_ends_when_its_caller_is_killed(tmp_path, job, how, before):
    mark = tmp_path / "mark"
    code = CALLER.format(tests=TESTS, job=job, mark=str(mark), how=how, before=before)
    with subprocess.Popen([sys.executable, "-c", code]) as caller:
        worker = wait_for(mark)
        caller.kill()
    assert gone(worker)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its caller ended")
def test_a_worker_ends_with_its_caller_though_a_fork_of_the_caller_lives_on(tmp_path):
    mark = tmp_path / "mark"
    before = f"""
def fork():
    import time
    while not os.path.exists({str(mark)!r}):
        time.sleep(0.02)
    child = os.fork()
    if not child:
        time.sleep(3600)
    open({str(mark)!r} + ".child", "w").write(str(child))
threading.Thread(target=fork).start()
"""
    how = "t = threading.Thread(target=work); t.start(); t.join()"
    code = CALLER.format(tests=TESTS, job="stuck", mark=str(mark), how=how, before=before)
    with subprocess.Popen([sys.executable, "-c", code]) as caller:
        worker = wait_for(mark)
        child = wait_for(tmp_path / "mark.child")
        caller.kill()
    try:
        assert gone(worker)
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


TRIAL = """
import os, sys, time
from datacheck.backends.hdf5.library.fork_guard import survived
def walk(trail):
    trail.step(3600)
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(3600)
survived(walk)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent ended")
def test_a_fork_that_tries_a_damaged_file_ends_with_its_worker(tmp_path):
    with subprocess.Popen([sys.executable, "-c", TRIAL, tmp_path / "mark"]) as worker:
        child = wait_for(tmp_path / "mark")
        worker.kill()
    assert gone(child)


def test_a_worker_outlives_the_thread_that_started_it():
    pools = []

    def start():
        made = Pool(pid_of, 1, MEMORY)
        made.__enter__()
        ((_, pid),) = made.run([0])
        pools.append((made, pid))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    ((made, pid),) = pools
    with contextlib.ExitStack() as stack:
        stack.push(made.__exit__)
        assert list(made.run([0, 1])) == [(0, pid), (1, pid)]


def test_a_scan_runs_in_a_thread(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(50))
    reports = []
    thread = threading.Thread(target=lambda: reports.append(datacheck.scan(path, workers=2)))
    thread.start()
    thread.join()
    assert [report.status for report in reports] == [0]


def test_what_a_caller_blocks_or_ignores_does_not_reach_a_worker(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    ends = {signal.SIGALRM, signal.SIGPROF, signal.SIGIO, signal.SIGCHLD, signal.SIGSEGV, signal.SIGXCPU}
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    before = {it: signal.signal(it, signal.SIG_IGN) for it in ends}
    try:
        with Pool(state, 1, MEMORY) as pool:
            ((_, (blocked, ignored, warnings)),) = pool.run([0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    assert not ends & blocked
    assert not ends & ignored
    assert warnings is None


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_how_a_worker_died_is_known_though_the_caller_ignores_sigchld(number):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with Pool(die, 1, MEMORY) as pool:
            assert list(pool.run([number])) == [(number, Death(number.name, "at it"))]
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_caller_who_lets_sigpipe_kill_it_survives_a_dead_worker():
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with Pool(pid_of, 1, MEMORY) as pool:
            ((_, pid),) = pool.run([0])
            os.kill(pid, signal.SIGKILL)
            assert gone(pid)
            ((_, result),) = pool.run([0])
            assert result not in (pid, Death("SIGKILL"))
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_worker_that_was_killed_while_idle_is_replaced_and_no_task_is_blamed():
    with Pool(pid_of, 2, MEMORY) as pool:
        before = {pid for _, pid in pool.run([0, 1, 2])}
        for _ in range(4):
            for pid in before:
                os.kill(pid, signal.SIGKILL)
                assert gone(pid)
            after = [pid for _, pid in pool.run([3, 4, 5, 6])]
            assert before.isdisjoint(after)
            assert all(isinstance(it, int) for it in after)
            before = set(after)


def test_a_task_that_kills_its_worker_is_blamed_in_a_process_that_has_done_others():
    with Pool(obey, 1, MEMORY) as pool:
        its = [result for _, result in pool.run(["pid", "segfault", "pid", "pid", "segfault"])]
        assert [isinstance(it, Death) and it.signal for it in its] == [False, "SIGSEGV", False, False, "SIGSEGV"]


def children():
    """Return the ids of this process's children that have not been waited for."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(it) for task in tasks for it in (task / "children").read_text().split()}


def test_no_process_is_left_when_a_run_is_left_in_its_middle():
    before = children()
    with Pool(pid_of, 2, MEMORY) as pool:
        for _, _ in pool.run(range(20)):
            break
        assert [result for _, result in pool.run([1])] != []
    with contextlib.suppress(ZeroDivisionError), Pool(pid_of, 2, MEMORY) as pool:
        for _ in pool.run(range(20)):
            raise ZeroDivisionError
    assert children() <= before


def broken(monkeypatch, code):
    monkeypatch.setattr(interpreter_module, "_MAIN", f"import os, sys\n{code}\n# {{path}}")


def test_a_worker_that_cannot_start_is_no_finding(tmp_path, monkeypatch):
    broken(monkeypatch, "sys.exit('no room for anything')")
    path = write_lmdb(tmp_path / "env", raw_records(50))
    with pytest.raises(WorkersFailed, match=r"no worker process could be started.*exit status 1 \(no room for"):
        datacheck.scan(path)


def test_a_worker_that_failed_to_start_once_is_started_again(tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    once = f"if not os.path.exists({str(mark)!r}):\n    open({str(mark)!r}, 'w').close()\n    os.kill(os.getpid(), 9)"
    monkeypatch.setattr(interpreter_module, "_MAIN", f"import os\n{once}\n{_MAIN}")
    assert datacheck.scan(write_lmdb(tmp_path / "env", raw_records(50)), workers=1).status == 0
    assert mark.exists()


def test_a_process_started_ahead_is_not_left_behind_nor_used_elsewhere(tmp_path, monkeypatch):
    """First a scan fails, then another one runs in another folder, with a relative name."""
    (tmp_path / "there").mkdir()
    write_lmdb(tmp_path / "there" / "env", raw_records(50))
    before = children()
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["scan", "nothing-here"], standalone_mode=False).return_value == 2
    assert children() <= before
    start_ahead(WORKER_BYTES)
    monkeypatch.chdir(tmp_path / "there")
    assert datacheck.scan("env").status == 0
    assert children() <= before


@pytest.mark.parametrize("what", ["environment", "path"])
def test_a_process_started_ahead_is_not_used_when_other_things_have_changed(tmp_path, monkeypatch, what):
    close = start_ahead(MEMORY)
    monkeypatch.setenv("SOME_VARIABLE", "1") if what == "environment" else monkeypatch.syspath_prepend(tmp_path)
    ((_, first),) = _ahead
    try:
        with Pool(pid_of, 1, MEMORY) as pool:
            ((_, pid),) = pool.run([0])
        assert pid != first._process.pid
    finally:
        close()


# The command, with callers that are each odd in one way


def stores(folder):
    """Write a store of each kind, with one bad record in each."""
    folder.mkdir(exist_ok=True)
    records = raw_records(60)
    records[key(7)] = records[key(7)][:20]
    write_lmdb(folder / "lmdb", records)
    write_log_store(folder / "leveldb", records.items())
    with h5py.File(folder / "rows.h5", "w") as file:
        data = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
        data[7, 3] = np.nan
        file["data"] = data
        file["label"] = np.arange(60) % 10
    return [folder / name for name in ("lmdb", "leveldb", "rows.h5")]


ODD = {
    "stdin closed": "exec <&-",
    "stdout closed": "exec >&-",
    "stderr closed": "exec 2>&-",
    "all closed": "exec <&- >&- 2>&-",
    "SIGCHLD ignored": "trap '' CHLD",
    "SIGPIPE ignored": "trap '' PIPE",
    "SIGINT and SIGHUP ignored": "trap '' INT HUP",
    "SIGALRM ignored": "trap '' ALRM PROF IO",
    "no temporary folder": "export TMPDIR=/nowhere TEMP=/nowhere TMP=/nowhere",
    "no home": "unset HOME",
    "no environment": "unset $(env | cut -d= -f1 | grep -v PATH)",
    "a working directory that is gone": "mkdir gone; cd gone; rmdir ../gone",
    "a working directory that cannot be written": "mkdir -p sealed; chmod 500 sealed; cd sealed",
    "few files": "ulimit -n 20",
    "few processes": "ulimit -u 4096",
    "no core files": "ulimit -c 0",
    "a limit on processor time": "ulimit -t 300",
    "a small stack": "ulimit -s 1024",
    "niced": "renice -n 5 $$ >/dev/null",
    "the C locale": "export LC_ALL=C",
    "optimised": "export PYTHONOPTIMIZE=2",
    "warnings are errors": "export PYTHONWARNINGS=error",
    "python traces and warns": "export PYTHONTRACEMALLOC=5 PYTHONDEVMODE=1",
}


@pytest.mark.parametrize("oddity", ODD)
def test_no_oddity_of_the_caller_changes_a_verdict(tmp_path, oddity):
    report = tmp_path / "report.json"
    sources = stores(tmp_path / "stores")
    workers = "2" if oddity.startswith("few ") else "1"
    command = [sys.executable, "-m", "datacheck", "scan", *sources, "--report", report, "--workers", workers]
    done = subprocess.run(
        ["bash", "-c", f'{ODD[oddity]}; exec "$@"', "bash", *map(str, command)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    reports = msgspec.json.decode(report.read_bytes(), type=Documents).reports
    found = [[(it.key, it.code) for it in one.findings] for one in reports]
    truncated = [("00000007", "truncated")]
    assert found == [truncated, truncated, [("/[7]", "nan")]]


def decoded(report):
    return msgspec.json.decode(report.read_bytes(), type=Document)


def refusing(monkeypatch, after):
    """Make the system refuse processes after a number of them, since RLIMIT_NPROC does not bind root."""
    popen, started = subprocess.Popen, []

    def start(*args, **options):
        if len(started) >= after:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


@pytest.fixture
def own_signals():
    """Restore the signal handlers that the command sets."""
    held = {it: signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    yield
    for number, handler in held.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_where_no_process_may_be_started_that_is_said(tmp_path, monkeypatch, capsys):
    path = write_lmdb(tmp_path / "env", raw_records(50))
    refusing(monkeypatch, 0)
    said = "Resource temporarily unavailable (a limit on processes, ulimit -u?)"
    opened = []
    for _ in range(2):  # what a process opens once for all its scans is open after the first
        with pytest.raises(SystemExit, match="2"):
            main(["scan", str(path)])
        assert capsys.readouterr().err == f"datacheck: no worker process could be started: {said}\n"
        opened.append(len(list(Path("/proc/self/fd").iterdir())))
    assert opened[0] == opened[1]


def test_where_fewer_processes_may_be_started_they_do_the_work(tmp_path, monkeypatch):
    started = refusing(monkeypatch, 1)
    reader = LmdbReader(write_lmdb(tmp_path / "env", raw_records(200)), 1000)
    assert datacheck.scan(reader, workers=4).status == 0
    assert len(started) == 1


@pytest.mark.parametrize("limit", ["-v 1500000", "-d 1500000", "-v 200000"])
def test_a_memory_limit_of_the_caller_is_kept_to(tmp_path, limit):
    """Sound stores are scanned and rebuilt as usual under a limit below the worker's own."""
    for path in stores(tmp_path / "stores"):
        script = f'ulimit {limit}; exec "$@"'
        into_lmdb = ["--to", "lmdb"] if path.name == "leveldb" and not is_installed() else []
        target = tmp_path / f"clean_{path.name}"
        for arguments, status in (
            (("scan", path), 1),
            (("rebuild", path, target, "--drop-bad", *into_lmdb), 0),
            *([(("scan", target), 0)] if limit.startswith("-v") and path.name == "leveldb" else []),
        ):
            command = ["bash", "-c", script, "bash", sys.executable, "-m", "datacheck", *map(str, arguments)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            assert (done.returncode, done.stderr) == (status, ""), done.stdout


def test_a_record_too_large_for_the_callers_limit_is_not_bad(tmp_path):
    import lmdb

    with lmdb.open(str(tmp_path / "env"), map_size=4 << 30) as environment, environment.begin(write=True) as writing:
        for number in range(20):
            writing.put(key(number), raw_records(1)[key(0)])
        writing.put(key(20), bytes(900 << 20))
    command = ["bash", "-c", 'ulimit -v 900000; exec "$@"', "bash", sys.executable, "-m", "datacheck"]
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*command, "scan", str(tmp_path / "env"), "--report", str(report)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    findings = decoded(report).findings
    assert {it.verdict for it in findings} == {"unverifiable"}
    assert any(it.code == "too-large" and "ulimit -v" in it.message for it in findings)


def test_where_memory_does_not_do_for_a_worker_that_is_said(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(50))
    code = (
        "import resource; from datacheck.cli.entry import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (60 << 20, 60 << 20))\n"
        f"main(['scan', {str(path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=SLOW)
    assert done.returncode == 2, done.stdout + done.stderr
    said = "the 60 MiB that a memory limit (ulimit -v) allows are too few, at least 192 are needed"
    assert done.stderr == f"datacheck: no worker process could be started: {said}\n"


def test_the_workers_limit_is_the_lesser_one():
    from datacheck.workers.limits import memory_limit

    assert memory_limit(1 << 20).words == "the 1 MiB allowed"
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, hard))
    try:
        assert memory_limit(4 << 30).size == 3 << 30
        assert "ulimit -d" in memory_limit(4 << 30).words
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def test_an_lmdb_grows_with_what_is_written(tmp_path):
    """Records of many sizes, many at once and large ones, fit a map that starts small."""
    from datacheck.backends import open_store

    draw = random.Random(5)
    wanted = {
        b"%08d" % number: draw.randbytes(draw.choice([1, 30, 900, 3000, 5000, 70_000])) for number in range(12_000)
    }
    wanted[b"%08d" % 20_000] = bytes(150 << 20)
    wanted |= {b"%0510d" % number: b"x" for number in range(100_000, 101_000)}
    pairs = sorted(wanted.items())
    with LmdbWriter(tmp_path / "env", {"": 0}) as writer:
        assert writer._map < sum(map(len, wanted.values()))
        for start in range(0, len(pairs), 997):
            writer.put("", pairs[start : start + 997])
        writer.finish()
    reader = open_store(tmp_path / "env")
    found = [pair for shard in reader.layout().shards for block in reader.blocks(shard)
             for pair in zip(block.keys, map(bytes, block.values), strict=True)]  # fmt: skip
    assert found == pairs


INTERRUPTED = """
import sys
from datacheck.__main__ import end_at_once
end_at_once()  # as the program begins
from datacheck.cli.entry import main
print("ready", flush=True)
main(["scan", *sys.argv[1:]])
"""


def group_gone(group):
    """Wait for the processes of a group to end, and return whether they do; one being started notices once it is up."""
    until = time.monotonic() + SLOW
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_an_interrupt_at_any_moment_leaves_no_process_and_no_traceback(tmp_path):
    draw = random.Random(11)
    paths = list(map(str, stores(tmp_path / "stores")))
    interrupted = 0
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, *paths, "--workers", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        ) as caller:  # fmt: skip
            caller.stdout.readline()
            time.sleep(draw.uniform(0, 0.8))
            caller.send_signal(signal.SIGINT)
            _, said = caller.communicate(timeout=SLOW)
        assert caller.returncode in (130, 1), said
        interrupted += caller.returncode == 130
        assert "Traceback" not in said
        assert "Exception ignored" not in said
        assert group_gone(caller.pid)
    assert interrupted


def test_a_sound_store_stays_sound_on_a_loaded_machine(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(60, (3, 64, 64)))
    alone = {min(os.sched_getaffinity(0))}  # one core, so that the other tests have the rest
    loaded = {"preexec_fn": lambda: os.sched_setaffinity(0, alone)}
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"], **loaded) for _ in range(2)]
    try:
        command = ["nice", "-n", "10", sys.executable, "-m", "datacheck", "scan", path, "--timeout", "0.05"]
        command += ["--workers", "2"]
        report = tmp_path / "report.json"
        subprocess.run([*command, "--report", report], check=False, timeout=900, stdout=subprocess.DEVNULL, **loaded)
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
    assert decoded(report).bad == 0
