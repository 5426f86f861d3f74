"""Test tasks on a Dask cluster: the contract of engines, and lost workers."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import msgspec
import pytest
from building import datum, floats, key, write_lmdb
from worker_checks import Deadly

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.engines import Dask
from datacheck.scanning import ahead
from datacheck.testing.engines import EngineContract

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Filters for warnings about what Dask leaves open when it is shut down."""


SHARD_BYTES = 16_000
"""Size of a shard in bytes, which gives the store some forty shards, each a task."""


def cluster_of(workers, **more):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50, **more
    )


@pytest.fixture(scope="module")
def client():
    with cluster_of(2) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="class")
def for_class(request, client):
    request.cls.client = client


@pytest.mark.usefixtures("for_class")
class TestDask(EngineContract):
    @property
    def make(self):
        return Dask(self.client)


def broken(number):
    """Return a record; one in 11 has a NaN, and one in 40 is cut short."""
    array = floats(number)
    if number % 11 == 5:
        array[1, 2, number % 4] = float("nan")
    raw = datum(array, number % 10)
    return raw[:50] if number % 40 == 13 else raw


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("dask") / "env"
    return write_lmdb(path, {key(number): broken(number) for number in range(3000)})


def without_times(report):
    """Return a report as JSON without what differs between runs."""
    document = msgspec.to_builtins(report.document())
    for name in ("started", "seconds"):
        del document[name]
    for name in ("workers", "engine"):
        del document["settings"][name]
    return msgspec.json.encode(document)


@pytest.fixture(scope="module")
def expected(store):
    report = datacheck.scan(LmdbReader(store, SHARD_BYTES), workers=1)
    assert report.counts["nan"] > 200
    return without_times(report)


def test_the_report_is_that_of_one_local_worker(client, store, expected):
    report = datacheck.scan(LmdbReader(store, SHARD_BYTES), engine=Dask(client))
    assert (report.settings.engine, report.settings.workers) == ("dask", 0)
    assert without_times(report) == expected


def test_a_lost_worker_changes_nothing(store, expected):
    """One of three workers is killed in the middle, and not started again."""
    killed = []
    with cluster_of(3) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())

        def progress(done, total, bad):
            if done > 600 and not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        report = datacheck.scan(LmdbReader(store, SHARD_BYTES), engine=Dask(client), progress=progress)
    assert killed
    assert without_times(report) == expected


def test_a_cluster_that_is_restarted_in_the_middle_changes_nothing(store, expected):
    with cluster_of(2) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        restarted = []

        def restart():
            with contextlib.suppress(TimeoutError):  # workers may take longer to come back than Dask waits for them
                client.restart()

        def progress(done, total, bad):
            if done > 600 and not restarted:
                restarted.append(threading.Thread(target=restart))
                restarted[0].start()

        report = datacheck.scan(LmdbReader(store, SHARD_BYTES), engine=Dask(client), progress=progress)
        restarted[0].join()
    assert without_times(report) == expected


def test_a_cluster_that_grows_and_shrinks_changes_nothing(store, expected):
    with cluster_of(0) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        cluster.adapt(minimum=0, maximum=2, interval="100ms", wait_count=2)
        report = datacheck.scan(LmdbReader(store, SHARD_BYTES), engine=Dask(client))
    assert without_times(report) == expected


def test_a_record_that_kills_is_named_and_the_workers_live(client, store):
    before = client.run(os.getpid)
    deadly = Deadly(0, tuple(float(floats(it).flat[0]) for it in (1950, 2429)))
    found = [
        datacheck.scan(LmdbReader(store, SHARD_BYTES), validators=[deadly], **more)
        for more in ({"workers": 2}, {"engine": Dask(client)})
    ]
    assert found[0].counts["crash"] == 2
    assert without_times(found[0]) == without_times(found[1])
    assert client.run(os.getpid) == before


def test_the_processes_end_with_the_scan(client, store):
    def children():
        import psutil

        return len(psutil.Process().children(recursive=True))

    before = client.run(children)
    datacheck.scan(store, engine=Dask(client))
    end = time.monotonic() + 30
    while client.run(children) != before:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_rebuild_scans_and_verifies_on_the_cluster(client, store, tmp_path):
    receipt = datacheck.rebuild(store, tmp_path / "far", drop_bad=True, engine=Dask(client))
    here = datacheck.rebuild(store, tmp_path / "near", drop_bad=True)
    assert receipt.written
    assert (receipt.kept, receipt.dropped, receipt.digests) == (here.kept, here.dropped, here.digests)


def test_a_cluster_without_a_scheduler_is_an_error(client, store):
    gone = distributed.Client(client.scheduler.address, set_as_default=False)
    gone.close()
    with pytest.raises(datacheck.DatacheckError, match="does not answer any more"):
        datacheck.scan(store, engine=Dask(gone))


def test_a_scheduler_that_is_lost_in_the_middle_is_named(store):
    with cluster_of(1) as cluster:
        client = distributed.Client(cluster, set_as_default=False)
        address = client.scheduler.address

        def progress(done, total, bad):
            client.close()

        with pytest.raises(datacheck.DatacheckError) as told:
            datacheck.scan(LmdbReader(store, SHARD_BYTES), engine=Dask(client), progress=progress)
    assert str(told.value) == f"the Dask scheduler at {address} does not answer any more"


def datacheck_command(*words):
    command = [sys.executable, "-m", "datacheck", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_line_takes_a_scheduler(client, store, tmp_path):
    address = client.scheduler.address
    report = tmp_path / "r.json"
    done = datacheck_command("scan", store, "--engine", "dask", "--scheduler", address, "-o", report)
    assert (done.returncode, done.stderr) == (1, "")
    assert '"engine":"dask"' in report.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "dask"], "--engine dask needs the scheduler of the cluster: --scheduler tcp://HOST:8786"),
        (["--scheduler", "tcp://127.0.0.1:1"], "give --engine dask too"),
        (["--engine", "dask", "--scheduler", "nowhere:x"], "no Dask scheduler answers at nowhere:x"),
        (["--engine", "spark"], "'spark' is not one of 'local', 'dask'"),
    ],
)
def test_what_names_no_cluster_is_one_sentence(store, words, said):
    done = datacheck_command("scan", store, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stores_of_a_folder_are_scanned_at_a_time_and_reported_in_order(client, tmp_path, monkeypatch):
    folder = tmp_path / "stores"
    folder.mkdir()
    for number in range(6):
        write_lmdb(folder / f"{number}_lmdb", {key(it): broken(it + number) for it in range(50)})
    together = threading.Barrier(2)
    before = ahead.Ahead._run

    def counted(self, number):
        if number < 2:
            together.wait(120)  # fails unless the first two stores are under way at the same time
        before(self, number)

    monkeypatch.setattr(ahead.Ahead, "_run", counted)
    far, near = tmp_path / "far.jsonl", tmp_path / "near.jsonl"
    reports = datacheck.scan(folder, engine=Dask(client), reports=[far])
    here = datacheck.scan(folder, workers=1, reports=[near])
    assert list(map(without_times, reports)) == list(map(without_times, here))
    assert far.read_text().splitlines()[:-1] == near.read_text().splitlines()[:-1]


def test_an_interrupt_ends_all_that_are_under_way(client, tmp_path):
    for number in range(4):
        write_lmdb(tmp_path / f"{number}_lmdb", {key(it): broken(it + number) for it in range(200)})

    def progress(done, total, bad):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(
            [LmdbReader(it, 800) for it in sorted(tmp_path.glob("*"))], engine=Dask(client), progress=progress
        )
    assert not [it for it in threading.enumerate() if it.name.startswith("datacheck-source")]
