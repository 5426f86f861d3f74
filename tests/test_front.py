"""Test what users meet: samples that do not depend on how a store is divided, configurations, refusals of a rebuild."""

import json
import os
import signal
from dataclasses import dataclass

import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from commanding import datacheck as run

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.rebuilding import rebuild as rebuilding


@pytest.mark.parametrize("sample", [1, 7, 60, 299, "10%"])
def test_a_sample_is_the_same_however_many_shards_there_are(tmp_path, sample):
    path = write_lmdb(tmp_path / "env", raw_records(300))
    one, several = LmdbReader(path), LmdbReader(path, 15_000)
    assert len(one.layout().shards) == 1
    assert len(several.layout().shards) >= 5
    reports = [datacheck.scan(it, sample=sample, labels=(50, 60), workers=1) for it in (one, several)]
    indexes, others = ([(it.index, it.key) for it in report.findings] for report in reports)
    assert indexes == others
    assert len(indexes) == (30 if sample == "10%" else sample)
    assert all(key(index).decode() == name for index, name in indexes)


def test_a_configuration_may_hold_options_of_other_commands(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(20))
    config = tmp_path / "mine.toml"
    config.write_text('labels = 3\nto = "lmdb"\n')
    done = run("scan", tmp_path / "env", "--config", config, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["settings"]["labels"]["high"] == 2
    config.write_text('labels = 3\ntoo = "lmdb"\n')
    done = run("scan", tmp_path / "env", "--config", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'too' is not an option of datacheck scan" in done.stderr


@dataclass(frozen=True)
class Deadly:
    """A validator that kills its worker at records that begin with the pixels 77 and 0."""

    def __call__(self, batch):
        if not batch.label and (batch.values[:, 0, 0, :2] == (77, 0)).all(axis=1).any():
            os.kill(os.getpid(), signal.SIGSEGV)
        return iter(())


def test_a_rebuild_after_a_scan_that_gave_a_stretch_up_is_refused(tmp_path, monkeypatch):
    records = raw_records(200)
    for number in range(0, 100, 10):
        values = pixels(number)
        values[0, 0, :2] = 77, 0
        records[key(number)] = datum(values, 1)
    source, target = write_lmdb(tmp_path / "env", records), tmp_path / "target"
    monkeypatch.setattr("datacheck.scanning.retry.DEATHS_A_SHARD", 3)
    job = rebuilding.Job
    monkeypatch.setattr(rebuilding, "Job", lambda reader, settings, *more, **named: job(reader, settings, (Deadly(),)))
    with pytest.raises(
        datacheck.RebuildFailed, match="the scan did not reach every record, so a copy could not be whole"
    ):
        datacheck.rebuild(source, target, drop_bad=True, workers=1)
    assert [it.name for it in tmp_path.iterdir()] == ["env"]
