"""Test files that are deleted while a store is read, as by a compaction: what is lost with them is named."""

import pytest
from building import key
from leveldb_building import batch, pairs, run, write_store

import datacheck
from datacheck.backends.leveldb.reader import LevelDbReader
from datacheck.model.blocks import ignore


def store(tmp_path):
    tables = {5: (1, [run(0, 10), run(10, 20)]), 7: (1, [run(30, 40)])}
    return write_store(tmp_path / "db", tables, {8: [batch(100, [(key(90), b"x")])]})


def passed(reader, layout):
    blocks = [block for shard in layout.shards for block in reader.blocks(shard)]
    records = {at: bytes(it) for block in blocks for at, it in zip(block.keys, block.values, strict=True)}
    return [finding for block in blocks for _, finding in block.findings], records


def test_a_table_that_goes_between_the_survey_and_the_pass_is_said(tmp_path):
    path = store(tmp_path)
    reader = LevelDbReader(path)
    layout = reader.layout()
    assert layout.findings == []
    (path / "000005.ldb").unlink()
    (finding,), records = passed(reader, layout)
    assert (finding.code, finding.verdict, finding.details["file"]) == ("source-changed", "unverifiable", "000005.ldb")
    assert finding.message == (
        "000005.ldb was there when the scan began, and now is missing; "
        "the records between the keys 00000000 and 00000019 are not checked"
    )
    assert records == pairs((30, 40)) | {key(90): b"x"}


def test_a_table_that_was_missing_from_the_beginning_is_said_once(tmp_path):
    path = store(tmp_path)
    (path / "000005.ldb").unlink()
    reader = LevelDbReader(path)
    layout = reader.layout()
    assert [(it.code, it.verdict) for it in layout.findings] == [("truncated-store", "bad")]
    findings, _ = passed(reader, layout)
    assert findings == []
    report = datacheck.scan(path, workers=1)
    assert [it.code for it in report.findings if it.key is None and it.code != "unknown-payload"] == ["truncated-store"]


class Vanishing(LevelDbReader):
    """A store of which a table is deleted between the survey and the pass."""

    def blocks(self, shard, *, limit=None, note=ignore):
        if limit is None:
            (self.path / "000005.ldb").unlink(missing_ok=True)
        return super().blocks(shard, limit=limit, note=note)

    def spaced_keys(self):
        return []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_scan_says_it_and_is_not_clean(tmp_path, workers):
    report = datacheck.scan(Vanishing(store(tmp_path)), workers=workers)
    assert (report.bad, report.status) == (0, 3)
    messages = [it.message for it in report.findings if it.code == "source-changed"]
    assert any(it.startswith("000005.ldb was there when the scan began, and now is missing") for it in messages)
    assert any("(gone: 000005.ldb)" in it for it in messages)
