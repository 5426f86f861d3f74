"""Test that a cluster without workers is reported, and that a lost one leaves what a later scan resumes from."""

from typing import ClassVar

import pytest
from building import raw_records, write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.cli.scan import _keeping
from datacheck.engines import dask as engine
from datacheck.errors import ClusterFailed
from datacheck.model.settings import Settings
from datacheck.reporting.files import Reports
from datacheck.reporting.marks import mark_after
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.earlier import resuming

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def cluster_of(workers):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
    )


def test_a_scan_that_waits_for_workers_says_so_once_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0.2)
    store = write_lmdb(tmp_path / "env", raw_records(40))
    said = []
    with cluster_of(0) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        address = client.scheduler.address

        def say(sentence):
            said.append(sentence)
            cluster.scale(1)

        report = datacheck.scan(store, engine=engine.Dask(client, say))
    assert said == [f"the cluster at {address} has no workers; waiting for some"]
    assert (report.status, report.checked) == (0, 40)


def test_engines_of_one_cluster_tell_once_that_it_has_no_workers(monkeypatch):
    monkeypatch.setattr(engine, "SILENT_SECONDS", 0.0)
    said = []

    class Client:
        scheduler = None
        workers: ClassVar[dict[str, int]] = {}

        def nthreads(self):
            return self.workers

    makes = engine.Dask(Client(), said.append)
    one, other = (makes(len, 1, 1 << 30) for _ in range(2))
    for it in (one, one, other, other):
        it._look_for_workers()
    assert len(said) == 1
    Client.workers = {"tcp://a": 1}
    one._look_for_workers()
    Client.workers = {}
    makes.absence.mark_reported()  # as the command does, which has printed the error itself
    for it in (one, other, one, other):
        it._look_for_workers()
    assert len(said) == 1


def test_a_lost_scheduler_leaves_the_marks_of_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "MARK_SECONDS", 0.0)
    store = write_lmdb(tmp_path / "env", raw_records(3000))
    path = tmp_path / "r.jsonl"
    with cluster_of(1) as cluster:
        client = distributed.Client(cluster, set_as_default=False)

        def progress(done, total, bad):
            if done > 1000:
                client.close()

        with pytest.raises(ClusterFailed):
            datacheck.scan(LmdbReader(store, 6000), engine=engine.Dask(client), progress=progress, reports=[path])
    assert not path.exists()
    assert (tmp_path / "r.jsonl.partial").exists()
    report = datacheck.scan(LmdbReader(store, 6000), resume=path)
    assert (report.status, report.checked) == (0, 3000)


@pytest.mark.parametrize("resumes", [False, True])
def test_the_command_says_how_to_go_on(tmp_path, resumes):
    path = tmp_path / "r.jsonl"
    files = Reports([], [], resume=path) if resumes else Reports([path], [])

    def scan():
        with _keeping(files, path if resumes else None):
            files.begin(Report(Source("env", "lmdb"), Settings()))
            journal = files.journal()
            journal.begin("env", {}, None, "layout")
            journal.reached(mark_after(0, 1, []))
            raise ClusterFailed("the Dask scheduler at tcp://head:8786 does not answer any more")

    with pytest.raises(ClusterFailed) as told:
        scan()
    said = f"{path}.partial keeps what was found: "
    said += "the same command goes on from there" if resumes else f"with --resume {path} a scan goes on from there"
    assert str(told.value) == f"the Dask scheduler at tcp://head:8786 does not answer any more; {said}"
