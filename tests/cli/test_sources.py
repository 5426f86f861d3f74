"""Test sources on the command line: folders with several stores, lists, URLs, and what is said if there is none."""

import json
import os
import shlex
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from trees import run, tree

import datacheck
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.reporting.several import SeveralReports

TEMPORARY = "nothing of this name"
"""A name that no file has. `tree` leaves out the time of its folder, which a temporary file changes."""


def records(count, bad=()):
    """Return records of random values, with a NaN in those of `bad`."""
    made = {}
    for at in range(count):
        values = floats(at)
        if at in bad:
            values[0, 1, 1] = np.nan
        made[key(at)] = datum(values)
    return made


def hdf5(path, rows=6, bad=(), **datasets):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.arange(rows * 4, dtype="f4").reshape(rows, 4)
    values[list(bad)] = np.nan
    with h5py.File(path, "w") as file:
        for name, it in (datasets or {"data": values}).items():
            file[name] = it
    return path


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A folder with stores of every kind, some with a bad record, in the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "all"
    hdf5(folder / "a.h5")
    hdf5(folder / "more" / "b.h5", bad=[2])
    write_lmdb(folder / "train_lmdb", records(30, bad=[7]))
    (folder / "more" / "deep").mkdir()
    write_leveldb(folder / "more" / "deep" / "val", sorted(records(20, bad=[3]).items()))
    (folder / "notes.txt").write_text("words")
    return folder


def test_every_store_of_a_folder_is_scanned_and_the_totals_come_last(mixed):
    status, said, complaint = run("scan", "all", "--report", "r.json", "--report", "r.jsonl", "--report", "r.csv")
    assert (status, complaint) == (1, "")
    document = json.loads((mixed.parent / "r.json").read_text())
    assert document["schema"] == "datacheck-reports/1"
    found = [
        (it["source"]["path"], it["source"]["backend"], [(f.get("file"), f["key"]) for f in it["findings"]])
        for it in document["reports"]
    ]
    assert found == [
        ("all", "hdf5", [("more/b.h5", "/[2]")]),
        ("all/more/deep/val", "leveldb", [(None, "00000003")]),
        ("all/train_lmdb", "lmdb", [(None, "00000007")]),
    ]
    folders = {json.dumps(it["source"]["folder"]) for it in document["reports"]}
    assert folders == {json.dumps({"path": "all", "sources": 3, "not_read": {"text file": 1}})}
    *_, counted, totals = said.splitlines()
    assert counted == "all: not read: 1 text file"
    assert totals == "3 sources: 3 NOT CLEAN; 62 records checked: 3 bad"
    rows = (mixed.parent / "r.csv").read_text().splitlines()
    assert '"all","more/b.h5","","more/b.h5:/[2]",' in rows[1]
    lines = [json.loads(line) for line in (mixed.parent / "r.jsonl").read_text().splitlines()]
    assert [it["source"] for it in lines[:-1]] == ["all", "all/more/deep/val", "all/train_lmdb"]


def test_several_sources_end_with_a_line_of_totals_and_one_does_not(mixed):
    status, said, _ = run("scan", "all/a.h5", "all/train_lmdb", "nowhere")
    assert status == 2
    last = said.splitlines()[-1]
    assert last == "3 sources: 1 clean, 1 NOT CLEAN, 1 not scanned; 36 records checked: 1 bad"
    assert "sources" not in run("scan", "all/a.h5")[1]
    assert run("scan", "all/a.h5", "all/a.h5", "--quiet")[1] == ""


def test_a_folder_with_one_store_has_one_report(mixed):
    (mixed.parent / "one").mkdir()
    (mixed / "train_lmdb").rename(mixed.parent / "one" / "store")
    document = json.loads(run("scan", "one", "--format", "json")[1])
    assert (document["schema"], document["source"]["path"]) == ("datacheck-report/1", "one/store")
    assert document["source"]["folder"] == {"path": "one", "sources": 1, "not_read": {}}


def test_python_returns_a_sequence_of_reports_that_is_their_sum(mixed):
    reports = datacheck.scan("all", workers=1)
    assert isinstance(reports, SeveralReports)
    assert [it.source.path for it in reports] == ["all", "all/more/deep/val", "all/train_lmdb"]
    assert (len(reports), reports.bad, reports.checked, reports.status, reports.clean) == (3, 3, 62, 1, False)
    assert reports.counts == {"nan": 3}
    assert list(reports.bad_keys()) == ["more/b.h5:/[2]", "more/deep/val:00000003", "train_lmdb:00000007"]
    assert len(reports.findings) == len(list(reports.findings)) == 3
    with pytest.raises(datacheck.NotClean, match="3 sources: 3 NOT CLEAN; 62 records checked: 3 bad"):
        reports.require_clean()
    before = [it.document() for it in reports]
    assert SeveralReports("all", list(reports)).bad == 3
    assert [it.document() for it in reports] == before


def test_show_takes_every_name_that_a_folder_s_findings_have(mixed):
    for name in datacheck.scan("all", workers=1).bad_keys():
        status, said, _ = run("show", "all", name)
        assert (status, "nan (bad)" in said) == (1, True), name
    assert run("show", "all", "00000012")[0] == 0
    status, _, complaint = run("show", "all", "more/b.h5:/[99]")
    hint = "to see the first keys: datacheck info all"
    assert (status, complaint) == (2, f"datacheck: all: has no record with the key more/b.h5:/[99]; {hint}\n")


def test_the_commands_that_are_printed_for_a_folder_can_be_pasted(mixed):
    said = run("scan", "all")[1]
    printed = [shlex.split(line.partition(": ")[2]) for line in said.splitlines() if ": datacheck " in line]
    shown = [words[1:] for words in printed if words[1] == "show"]
    rebuilt = [words[1:] for words in printed if words[1] == "rebuild"]
    assert (len(shown), len(rebuilt)) == (3, 3)
    assert ["show", "all", "more/b.h5:/[2]"] in shown
    for words in shown:
        assert run(*words)[0] == 1, words
    for words in rebuilt:
        assert run(*words)[0] == 0, words
    assert run("scan", "all_clean", "--backend", "hdf5")[0] == 0


def test_a_rebuild_of_a_folder_with_several_sources_is_refused_by_name_before_anything_is_written(mixed):
    before = tree(mixed.parent)
    status, said, complaint = run("rebuild", "all", "copy", "--drop-bad")
    assert (status, said) == (2, "")
    named = "2 HDF5 files (--backend hdf5), more/deep/val (LevelDB), train_lmdb (LMDB)"
    assert (
        complaint
        == f"datacheck: all: is a folder with 3 sources in it: {named}; name the one meant, such as all/more/deep/val\n"
    )
    assert tree(mixed.parent) == before


def test_a_rebuild_of_a_folder_of_hdf5_files_mirrors_it_at_any_depth(tmp_path):
    folder = tmp_path / "f"
    hdf5(folder / "a.h5")
    hdf5(folder / "x" / "y" / "b.h5", bad=[1, 4])
    hdf5(folder / "x" / "a.h5", rows=3)
    (folder / "x" / "y" / "notes").write_text("about b")
    assert run("rebuild", folder, tmp_path / "copy", "--drop-bad", "--quarantine", tmp_path / "q")[0] == 0
    made = {str(it.relative_to(tmp_path / "copy")) for it in (tmp_path / "copy").rglob("*") if it.is_file()}
    assert made == {"a.h5", "x/y/b.h5", "x/a.h5", "x/y/notes"}
    with h5py.File(tmp_path / "copy" / "x" / "y" / "b.h5") as copy, h5py.File(folder / "x" / "y" / "b.h5") as source:
        np.testing.assert_array_equal(copy["data"][:], source["data"][:][[0, 2, 3, 5]])
    assert run("scan", tmp_path / "copy")[0] == 0


def test_a_folder_s_copy_leaves_out_what_is_no_store_and_what_holds_nothing(tmp_path):
    folder = tmp_path / "f"
    hdf5(folder / "a.h5")
    hdf5(folder / "x" / "empty.h5", data=np.empty((0, 4)))
    (folder / "x" / "broken.h5").write_bytes(b"\xff")
    (folder / "x" / "notes").write_text("about them")
    status, said, _ = run("rebuild", folder, tmp_path / "copy", "--drop-bad")
    assert status == 0
    assert "no-records: x/empty.h5: " in said
    assert "damaged-store: x/broken.h5: " in said
    assert {it.name for it in (tmp_path / "copy").rglob("*")} == {"a.h5", "x", "notes"}
    assert run("scan", tmp_path / "copy")[0] == 0


def test_what_a_rebuild_was_not_told_to_leave_out_stays(tmp_path):
    folder = tmp_path / "f"
    hdf5(folder / "a.h5", bad=[2])
    (folder / "broken.h5").write_bytes(b"\xff")
    assert run("rebuild", folder, tmp_path / "copy", "--drop", "nan")[0] == 0
    assert (tmp_path / "copy" / "broken.h5").read_bytes() == b"\xff"


def test_a_report_of_a_folder_does_for_a_rebuild_until_a_file_of_it_changes(tmp_path):
    folder, report = tmp_path / "f", tmp_path / "r.json"
    hdf5(folder / "a.h5")
    hdf5(folder / "x" / "b.h5", bad=[1])
    run("scan", folder, "--report", report)
    assert run("rebuild", folder, tmp_path / "one", "--drop-bad", "--from-report", report)[0] == 0
    hdf5(folder / "x" / "c.h5")
    status, _, complaint = run("rebuild", folder, tmp_path / "two", "--drop-bad", "--from-report", report)
    assert (status, "scan it again" in complaint) == (2, True)


def test_records_are_dropped_by_the_names_that_findings_have(tmp_path):
    folder = tmp_path / "f"
    hdf5(folder / "a.h5", bad=[2])
    hdf5(folder / "x" / "b.h5", bad=[2, 3])
    assert run("rebuild", folder, tmp_path / "copy", "--drop", "x/b.h5:/[2]")[0] == 0
    with h5py.File(tmp_path / "copy" / "x" / "b.h5") as b, h5py.File(tmp_path / "copy" / "a.h5") as a:
        assert (len(b["data"]), len(a["data"])) == (5, 6)
    status, said, complaint = run("rebuild", folder, tmp_path / "no", "--drop", "/[2]")
    assert (status, said, (tmp_path / "no").exists()) == (2, "", False)
    assert f"'/[2]' is neither a verdict nor a code, and no finding in {folder} is about a record" in complaint
    assert run("rebuild", folder, tmp_path / "most", "--drop-bad", "--keep", "a.h5:/[2]")[0] == 0
    with h5py.File(tmp_path / "most" / "x" / "b.h5") as b, h5py.File(tmp_path / "most" / "a.h5") as a:
        assert (len(b["data"]), len(a["data"])) == (4, 6)


def test_a_key_of_a_named_database_carries_its_name(tmp_path):
    with lmdb.open(str(tmp_path / "db"), max_dbs=2, map_size=1 << 22) as environment:
        for name, bad in ((b"one", []), (b"two", [4])):
            database = environment.open_db(name)
            with environment.begin(db=database, write=True) as txn:
                for at, value in records(20, bad).items():
                    txn.put(at, value)
    status, said, _ = run("scan", tmp_path / "db")
    assert (status, "two:00000004  " in said) == (1, True)
    assert run("show", tmp_path / "db", "two:00000004")[0] == 1
    assert run("show", tmp_path / "db", "one:00000004")[0] == 0
    assert run("rebuild", tmp_path / "db", tmp_path / "copy", "--drop", "two:00000004")[0] == 0
    assert run("scan", tmp_path / "copy")[0] == 0


EMPTY = {
    "lmdb": lambda path: write_lmdb(path, {}),
    "lmdb-file": lambda path: lmdb.open(str(path), subdir=False).close() or path,
    "leveldb": lambda path: write_leveldb(path, []) or path,
    "hdf5": lambda path: hdf5(path, nothing=h5py.Empty("f4")),
    "hdf5-rows": lambda path: hdf5(path, data=np.empty((0, 3)), label=np.empty(0, "i4")),
}


NOT_ALWAYS_WRITTEN = {"leveldb": pytest.mark.writes_leveldb}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=NOT_ALWAYS_WRITTEN.get(kind, ())) for kind in EMPTY])
def test_a_source_without_a_record_is_bad_and_not_copied(tmp_path, kind):
    source = EMPTY[kind](tmp_path / "empty")
    before = tree(tmp_path, [tmp_path / TEMPORARY])
    for options in ([], ["--max-bad", "10"], ["--sample", "5"]):
        status, said, _ = run("scan", source, *options)
        assert status == 1
        assert "no-records (bad): 1" in said
        assert "datacheck rebuild" not in said
    for options in ([], ["--drop-bad"], ["--drop-bad", "--dry-run"], ["--keep", "no-records"]):
        status, said, _ = run("rebuild", source, tmp_path / "copy", *options)
        assert (status, said.splitlines()[-1]) == (1, "nothing was written: no record would be left in a copy")
    assert tree(tmp_path, [tmp_path / TEMPORARY]) == before


def test_values_that_are_no_records_leave_it_undecided(tmp_path):
    status, said, _ = run("scan", hdf5(tmp_path / "text.h5", title=b"words"))
    assert status == 3
    assert "no-records (unverifiable): 1" in said


def test_a_file_of_scalars_beside_tables_is_nothing_to_speak_of(tmp_path):
    hdf5(tmp_path / "f" / "a.h5")
    hdf5(tmp_path / "f" / "meta.h5", title=b"words")
    assert run("scan", tmp_path / "f")[0] == 0


def test_a_copy_of_nothing_is_not_suggested_and_not_written(tmp_path):
    source = write_lmdb(tmp_path / "db", records(20, bad=range(20)))
    before = tree(tmp_path, [tmp_path / TEMPORARY])
    status, said, _ = run("scan", source)
    assert (status, "datacheck show" in said, "datacheck rebuild" in said) == (1, True, False)
    status, said, _ = run("rebuild", source, tmp_path / "copy", "--drop-bad")
    assert (status, said.splitlines()[-1]) == (
        1,
        "nothing was written: none of the 20 records would be left in a copy",
    )
    assert tree(tmp_path, [tmp_path / TEMPORARY]) == before
    one = write_lmdb(tmp_path / "one", records(20, bad=range(19)))
    assert "datacheck rebuild" in run("scan", one)[1]
    assert run("rebuild", one, tmp_path / "copy", "--drop-bad")[0] == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("s3://bucket/train", "aws s3 cp"),
        ("gs://bucket/train.lmdb", "gcloud storage"),
        ("hf://datasets/a/b", "hf download"),
        ("http://example.org/a.h5", "curl"),
        ("https://example.org/net.prototxt", "curl"),
        ("hdfs://host/train", "copy or mount it first"),
        ("file:///data/train", "name the path: /data/train"),
    ],
)
def test_a_url_is_refused_as_it_was_given_with_what_to_do(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    sound = hdf5(tmp_path / "a.h5")
    before = tree(tmp_path)
    for words in (["scan", name], ["scan", "--net", name], ["show", name, "k"], ["rebuild", name, "t", "--drop-bad"]):
        status, said, complaint = run(*words)
        assert (status, said) == (2, "")
        assert complaint.startswith(f"datacheck: {name}: is a URL")
        assert hint in complaint
    for words in (["rebuild", sound, name], ["scan", sound, "--report", f"{name}.json"], ["lint", name]):
        status, said, complaint = run(*words)
        assert (status, "is a URL" in complaint, name in complaint) == (2, True, True)
    with pytest.raises(datacheck.SourceUnknown, match="is a URL"):
        datacheck.scan(name)
    with pytest.raises(datacheck.UsageError, match=r"target: .* is a URL"):
        datacheck.rebuild(sound, name)
    with pytest.raises((datacheck.SourceUnknown, datacheck.SourceMissing)):
        datacheck.rebuild(Path(name), tmp_path / "t")
    assert tree(tmp_path) == before


def test_a_path_that_only_looks_like_a_url_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hdf5(tmp_path / "s3:" / "bucket" / "a.h5")
    assert run("scan", "s3://bucket/a.h5")[0] == 0


def test_the_working_directory_is_a_source_as_any_other(mixed, monkeypatch):
    monkeypatch.chdir(mixed)
    status, said, complaint = run("scan", ".")
    assert (status, complaint) == (1, "")
    assert said.splitlines()[-1] == "3 sources: 3 NOT CLEAN; 62 records checked: 3 bad"
    assert "datacheck show . 'more/b.h5:/[2]'" in said
    assert run("show", ".", "train_lmdb:00000007")[0] == 1
    status, _, complaint = run("scan", "")
    assert (status, complaint) == (2, "datacheck: '': is an empty name, not a path\n")


def test_a_list_none_of_whose_files_is_there_says_so(tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("train/a.h5\ntrain/b.hdf5\n")
    status, said, _ = run("scan", listed, "--report", tmp_path / "r.json")
    (finding,) = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert (status, finding["code"], finding["key"]) == (1, "missing", None)
    assert finding["message"].startswith("none of the 2 files that the list names is there; the first is train/a.h5")
    assert "datacheck rebuild" not in said


def test_a_text_of_other_words_is_no_list(tmp_path):
    for text in ("how to read a.h5\n", "a.txt\n", "a.h5 b\n"):
        (tmp_path / "list.txt").write_text(text)
        assert run("scan", tmp_path / "list.txt")[0] == 2


def test_a_list_of_files_without_data_is_bad(tmp_path):
    hdf5(tmp_path / "a.h5", data=np.empty((0, 3)))
    (tmp_path / "list.txt").write_text("a.h5\n")
    assert run("scan", tmp_path / "list.txt")[0] == 1


def test_a_run_that_fails_leaves_an_earlier_report_as_it_was(tmp_path):
    report = tmp_path / "r.json"
    report.write_text("what was there")
    before = tree(tmp_path, [tmp_path / TEMPORARY])
    for source in ("nowhere", "s3://a/b", "", tmp_path / "r.json"):
        assert run("scan", source, "--report", report)[0] == 2
        assert tree(tmp_path, [tmp_path / TEMPORARY]) == before


def test_a_file_that_may_not_be_read_in_a_folder_is_undecided(tmp_path, monkeypatch):
    hdf5(tmp_path / "f" / "a.h5")
    (tmp_path / "f" / "secret").write_text("x")
    real = os.open

    def refuse(path, *rest, **more):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    status, said, complaint = run("scan", tmp_path / "f", "--workers", "1")
    assert (status, complaint) == (3, "")
    assert "secret: may not be read: permission denied" in said
