"""Contract tests for readers and for the row of their backend: see `ReaderContract`."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import datacheck
from datacheck.backends import BACKENDS, kind_of_copy, load_class, open_store
from datacheck.backends.interface import Peeking, Reader, Sparing, StoreOptions, WithDatabases
from datacheck.model.blocks import AnyBlock, Block, Position, Shard
from datacheck.model.finding import found
from datacheck.reporting.document import Document
from datacheck.reporting.json_files import json_document
from datacheck.reporting.summary import text
from datacheck.scanning.earlier.fingerprint import fingerprint
from datacheck.scanning.settings.make_settings import make
from datacheck.showing.record import show_record


class ReaderContract:
    """The tests of a reader. A test class inherits them and defines how to write a store.

    Attributes
    ----------
    backend
        The name of the reader in reports: that of its row in BACKENDS, if it has one.
    count
        Number of records in the store that `write` makes; at least 60.
    absent
        Names that no record of that store has.

    Examples
    --------
    >>> class TestLmdbReader(ReaderContract):
    ...     backend = "lmdb"
    ...
    ...     def write(self, path):
    ...         from datacheck.backends.lmdb.library import create
    ...
    ...         create(path, ((b"%08d" % number, bytes([number, 1])) for number in range(self.count)))
    ...         return path
    """

    backend: str
    count = 120
    absent: Sequence[str] = ("/[99999]", "nonsense")

    def write(self, path: Path) -> Path:
        """Write a sound store of `count` different records at an unused path, and return the path."""
        raise NotImplementedError

    def open(self, path: Path) -> Reader:
        """Return the reader of the store. Override it for a reader without a row in BACKENDS."""
        return open_store(path)

    @pytest.fixture
    def store(self, tmp_path: Path) -> Path:
        """Return the path of a sound store."""
        return self.write(tmp_path / "store")

    @pytest.fixture
    def reader(self, store: Path) -> Reader:
        """Return a reader of a sound store."""
        return self.open(store)

    @pytest.fixture
    def _row(self) -> None:
        if self.backend not in BACKENDS:
            pytest.skip(f"{self.backend} is no row of BACKENDS")

    @pytest.mark.usefixtures("_row")
    def test_all_that_its_row_names_is_there(self) -> None:
        row = BACKENDS[self.backend]
        places = [place for place in (row.reader, row.copier, row.writer) if place is not None]
        assert all(isinstance(load_class(place), type) for place in places)
        assert row.title
        assert row.noun
        assert row.reads

    @pytest.mark.usefixtures("_row")
    def test_a_store_is_recognised_by_what_lies_there(self, store: Path) -> None:
        assert open_store(store).backend == self.backend
        assert open_store(store, self.backend).backend == self.backend
        for other in BACKENDS.keys() - {self.backend}:
            with pytest.raises(datacheck.SourceUnknown, match=f"the backend {other} reads"):
                open_store(store, other)

    @pytest.mark.usefixtures("_row")
    def test_what_is_something_else_is_left_to_others(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "zeros").write_bytes(bytes(1 << 16))
        (tmp_path / "nothing").write_bytes(b"")
        reader = load_class(BACKENDS[self.backend].reader)
        for name in ("empty", "zeros", "nothing"):
            assert reader.recognise(tmp_path / name, StoreOptions()) is None

    def test_a_reader_is_a_value(self, store: Path) -> None:
        reader = self.open(store)
        assert reader == self.open(store)
        assert pickle.loads(pickle.dumps(reader)) == reader  # noqa: S301  (our own)

    def test_every_record_comes_once_and_in_order(self, reader: Reader) -> None:
        found = every(reader)
        assert len(found) == len(set(found)) == self.count
        assert found == every(reader)

    @pytest.mark.parametrize("limit", [1, 7])
    def test_a_limit_changes_the_blocks_and_nothing_else(self, reader: Reader, limit: int) -> None:
        assert every(reader, limit=limit) == every(reader)
        assert all(len(block) <= limit for _, block in blocks(reader, limit=limit))

    def test_a_shard_divides_at_any_place(self, reader: Reader) -> None:
        shard, keys = _first(reader)
        found = names(reader, shard)
        for at in (0, 1, len(keys) // 3, len(keys) - 1):
            place, behind = Position(keys[at]), Position(keys[at], 1)
            assert names(reader, shard.before(place)) == found[:at]
            assert names(reader, shard.since(place)) == found[at:]
            assert names(reader, shard.since(behind)) == found[at + 1 :]
            assert names(reader, shard.before(behind)) == found[: at + 1]

    def test_a_shard_with_no_records_gives_none(self, reader: Reader) -> None:
        shard, keys = _first(reader)
        place = Position(keys[5])
        assert names(reader, Shard(shard.part, place, place)) == []

    def test_record_by_record_each_place_is_noted_and_has_a_name(self, reader: Reader) -> None:
        shard, _ = _first(reader)
        noted: list[tuple[Position, bool]] = []
        found_names = []
        for block in reader.blocks(shard, limit=1, note=lambda place, has_own_key: noted.append((place, has_own_key))):
            if len(block):
                place, has_own_key = noted[-1]
                assert has_own_key
                found_names.append(reader.name(shard, place, found("crash", "")).key)
        assert found_names == names(reader, shard)

    @pytest.mark.parametrize("limit", [None, 1])
    def test_a_shard_divides_where_its_reader_says_it_is(self, reader: Reader, limit: int | None) -> None:
        shard, keys = _first(reader)
        first, last = Position(keys[len(keys) // 3]), Position(keys[2 * len(keys) // 3])
        for part in (shard, shard.since(first), shard.since(first).before(last)):
            assert_divides_where_noted(reader, part, limit)

    def test_one_record_is_found_by_its_name(self, reader: Reader) -> None:
        found = every(reader)
        for name in (found[0], found[50], found[-1]):
            shard = reader.find(name)
            assert shard is not None
            assert names(reader, shard) == [name]
        assert [reader.find(name) for name in self.absent] == [None] * len(self.absent)

    def test_probes_lie_in_the_store(self, reader: Reader) -> None:
        probes = reader.layout().probes
        assert 1 <= len(probes) <= 64
        found = every(reader)
        assert all(names(reader, probe)[0] in found for probe in probes)

    def test_the_layout_tells_the_truth(self, reader: Reader) -> None:
        layout = reader.layout()
        assert layout == reader.layout()
        assert layout.records in (None, self.count)
        assert all(shard.records in (None, len(names(reader, shard))) for shard in layout.shards)

    def test_options_that_only_one_store_has_are_no_hindrance(self, store: Path, reader: Reader) -> None:
        if self.backend in BACKENDS:
            reader = open_store(store, options=StoreOptions(label_field="label"))
        assert len(every(reader)) == self.count

    def test_a_sound_store_scans_clean(self, reader: Reader) -> None:
        report = datacheck.scan(reader)
        assert (list(report.findings), report.checked, report.status) == ([], self.count, 0)
        assert report.source.backend == self.backend
        assert report.source.records == self.count
        assert report.source.bytes is None or report.source.bytes > 0

    def test_a_report_of_it_can_be_written(self, reader: Reader) -> None:
        report = datacheck.scan(reader)
        title = BACKENDS[self.backend].title if self.backend in BACKENDS else ""
        assert title in text(report)
        document = msgspec.json.decode("".join(json_document([report])), type=Document)
        assert document.source == report.source

    def test_workers_make_no_difference(self, reader: Reader) -> None:
        one, two = (datacheck.scan(reader, workers=workers) for workers in (1, 2))
        assert list(one.findings) == list(two.findings)
        assert one.statistics == two.statistics

    def test_the_source_stays_as_it_is_to_the_byte(self, store: Path, reader: Reader) -> None:
        before = contents(store)
        datacheck.scan(reader, workers=2)
        assert contents(store) == before

    @pytest.mark.usefixtures("_row")
    def test_one_record_is_shown(self, store: Path, reader: Reader) -> None:
        before = contents(store)
        name = every(reader)[3]
        record = show_record(str(store), name, make(workers=1))
        assert record.status == 0
        assert record.text.startswith(name)
        assert contents(store) == before

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_store_that_may_only_be_read_is_read(self, store: Path, reader: Reader) -> None:
        for file in [store, *store.rglob("*")] if store.is_dir() else [store]:
            file.chmod(0o555 if file.is_dir() else 0o444)
        assert datacheck.scan(reader).clean

    def test_the_fingerprint_tells_another_store(self, reader: Reader) -> None:
        mark = fingerprint(reader)
        assert mark == fingerprint(reader)
        assert mark.files
        assert mark.roots != hashlib.sha256().hexdigest()

    @pytest.mark.usefixtures("_row")
    def test_it_is_rebuilt_or_that_is_refused_in_a_sentence(self, store: Path, reader: Reader, tmp_path: Path) -> None:
        target = tmp_path / "target"
        row = BACKENDS[self.backend]
        if row.copier is None:
            with pytest.raises(datacheck.UsageError, match="does not rebuild it"):
                datacheck.rebuild(store, target, drop_bad=True)
            assert not target.exists()
            return
        if kind_of_copy(self.backend) != self.backend:
            with pytest.raises(datacheck.UsageError, match="not installed"):
                datacheck.rebuild(store, target, drop_bad=True)
            assert not target.exists()
            return
        before = contents(store)
        receipt = datacheck.rebuild(store, target, drop_bad=True)
        assert (receipt.written, receipt.kept) == (True, self.count)
        assert every(open_store(target, self.backend)) == every(reader)
        assert contents(store) == before

    def test_values_that_are_spared_come_as_no_bytes(self, reader: Reader) -> None:
        if not isinstance(reader, Sparing):
            pytest.skip("this reader cannot pass over a record")
        shard, keys = _first(reader)
        spared = [key for key in (keys[3], keys[-1]) if isinstance(key, bytes)]
        plain = [pair for block in reader.blocks(shard) for pair in _pairs(block)]
        got = [pair for block in reader.sparing(shard, spared) for pair in _pairs(block)]
        assert got == [(key, b"" if key in spared else value) for key, value in plain]
        assert len(spared) == 2

    def test_what_is_peeked_at_are_the_same_records(self, reader: Reader) -> None:
        if not isinstance(reader, Peeking):
            pytest.skip("this reader gives no values that nobody has looked at")
        for shard in reader.layout().shards:
            plain = [pair for block in reader.blocks(shard) for pair in _pairs(block)]
            for limit in (None, 2):
                peeked = [block for block in reader.peek(shard, limit) if len(block)]
                assert [pair for block in peeked for pair in _pairs(block)] == plain
                assert limit is None or max(map(len, peeked)) <= limit

    def test_databases_are_those_of_the_shards(self, reader: Reader) -> None:
        if not isinstance(reader, WithDatabases):
            pytest.skip("this reader's stores have one plain database")
        assert {shard.part for shard in reader.layout().shards} <= reader.databases().keys()


def blocks(reader: Reader, **options: Any) -> Iterator[tuple[Shard, AnyBlock]]:
    """Yield every block of a store with its shard."""
    for shard in reader.layout().shards:
        for block in reader.blocks(shard, **options):
            yield shard, block


def names(reader: Reader, shard: Shard, **options: Any) -> list[str]:
    """Return the names of the records of a shard, in order."""
    return [block.name(row) for block in reader.blocks(shard, **options) for row in range(len(block))]


def every(reader: Reader, **options: Any) -> list[str]:
    """Return the names of all records of a store, in order."""
    return [block.name(row) for _, block in blocks(reader, **options) for row in range(len(block))]


def assert_divides_where_noted(reader: Reader, shard: Shard, limit: int | None = None) -> None:
    """Check that a shard can be read from, and up to, any position that is noted while it is read."""
    noted: dict[Position, None] = {}
    found = names(reader, shard, limit=limit, note=lambda place, seen: noted.setdefault(place))
    places = [*noted]
    for place in {*places[:3], *places[:: max(1, len(places) // 8)], *places[-3:]}:
        assert names(reader, shard.before(place)) + names(reader, shard.since(place)) == found, place


def contents(path: Path) -> dict[str, tuple[str, int]]:
    """Return the hash of every file at or below `path`, and the modification times of files and folders."""
    return {
        str(it): (hashlib.sha256(it.read_bytes()).hexdigest() if it.is_file() else "", it.stat().st_mtime_ns)
        for it in ([path, *path.rglob("*")] if path.is_dir() else [path])
    }


def _first(reader: Reader) -> tuple[Shard, list[bytes | int]]:
    """Return the first shard with at least ten records, and the keys of its positions."""
    for shard in reader.layout().shards:
        keys: list[bytes | int] = []
        for block in reader.blocks(shard):
            keys += block.keys if isinstance(block, Block) else block.rows
        if len(keys) > 9:
            return shard, keys
    raise AssertionError("no shard of the store has ten records")


def _pairs(block: Block | AnyBlock) -> list[tuple[bytes, bytes]]:
    assert isinstance(block, Block)
    return [(key, bytes(value)) for key, value in zip(block.keys, block.values, strict=True)]
