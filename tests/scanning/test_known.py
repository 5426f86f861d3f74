"""Test that findings of an earlier report do not count, new ones do, and those that are gone are named."""

import json
import pickle

import commanding
import jsonschema
import msgspec
import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.reporting import earlier
from datacheck.reporting.document import Document, schema


def records(count=60, *, nan=(), inf=(), first=0):
    made = {}
    for at in range(first, first + count):
        values = np.random.default_rng(at).normal(size=12).astype("f4")
        values[0] = np.nan if at in nan else values[0]
        values[1] = np.inf if at in inf else values[1]
        made[b"%08d" % at] = pickle.dumps({"x": values, "y": at % 3})
    return made


def kept(report, path):
    report.save(path)
    return path


@pytest.fixture(params=[".json", ".jsonl"])
def suffix(request):
    return request.param


def test_what_is_known_does_not_count(tmp_path, suffix):
    store = write_lmdb(tmp_path / "env", records(nan=[3, 7]))
    first = datacheck.scan(store)
    again = datacheck.scan(store, known=kept(first, tmp_path / f"r{suffix}"))
    assert (first.status, again.status, again.bad, list(again.findings), again.counts) == (1, 0, 0, [], {})
    assert f"known from {tmp_path}/r{suffix}: 2 nan" in str(again)
    assert "clean: nothing new" in str(again)


def test_what_is_new_counts_and_what_is_gone_is_named(tmp_path, suffix):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3, 7]))), tmp_path / f"r{suffix}")
    report = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[7, 9])), known=known)
    assert [it.key for it in report.findings] == ["00000009"]
    assert report.status == 1
    assert "gone since" in str(report)
    assert "nan: 00000003  x: 1 of 12 values is NaN" in str(report)
    report.save(tmp_path / "new.json")
    document = json.loads((tmp_path / "new.json").read_text())
    jsonschema.validate(document, schema())
    assert document["known"] == {"report": str(known), "still": {"nan": 1}, "gone": 1}
    assert [it["key"] for it in document["gone"]] == ["00000003"]
    report.save(tmp_path / "new.jsonl")
    *findings, summary = map(json.loads, (tmp_path / "new.jsonl").read_text().splitlines())
    assert [it["key"] for it in findings] == ["00000009"]
    assert [it["key"] for it in summary["gone"]] == ["00000003"]


def test_what_is_ignored_and_there_still_is_not_gone(tmp_path):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3, 9], inf=[5]))), tmp_path / "r.json")
    mended = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[3], inf=[5, 6])), known=known, ignore=["nan"])
    assert [it.key for it in mended.findings] == ["00000006"]
    assert [(it.code, it.key) for it in mended.known_before.those_gone()] == [("nan", "00000009")]
    assert (mended.document().known.still, mended.document().ignored) == ({"inf": 1}, {"nan": 1})


@pytest.mark.parametrize(("more", "gone"), [({}, 1), ({"skip": ["finite"]}, None), ({"skip": ["constant"]}, None)])
def test_what_is_not_looked_for_is_not_gone(tmp_path, more, gone):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3, 9]))), tmp_path / "r.json")
    report = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[3])), known=known, **more)
    assert report.document().known.gone == gone
    assert report.clean


def test_what_was_not_looked_for_before_changes_nothing(tmp_path):
    first = datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3, 9])), skip=["constant"])
    report = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[3])), known=kept(first, tmp_path / "r.json"))
    assert report.document().known.gone == 1


def test_another_code_and_another_field_of_a_known_record_are_new(tmp_path):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3]))), tmp_path / "r.json")
    report = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[3], inf=[3])), known=known)
    assert [(it.key, it.code) for it in report.findings] == [("00000003", "inf")]
    assert report.bad == 1


def test_of_two_values_of_one_key_the_second_is_new(tmp_path):
    def store(name, number):
        bad = [(b"a", value) for value in records(number, nan=range(number)).values()]
        sound = [(key, value) for key, value in records(40, first=100).items()]
        return write_lmdb(tmp_path / name, [*bad, *sound], name=b"d", dupsort=True)

    one, both = datacheck.scan(store("one", 1)), store("two", 2)
    assert [it.key for it in one.findings] == ["a"]
    assert len(datacheck.scan(both).findings) == 2
    two = datacheck.scan(both, known=kept(one, tmp_path / "r.json"))
    assert [it.key for it in two.findings] == ["a"]


def test_damage_of_the_store_that_has_grown_is_new(tmp_path):
    store = write_lmdb(tmp_path / "env", records() | {b"length": b"62"})
    known = kept(datacheck.scan(store), tmp_path / "r.json")
    assert datacheck.scan(store, known=known).status == 0
    worse = datacheck.scan(write_lmdb(tmp_path / "worse", records() | {b"length": b"63"}), known=known)
    assert [it.code for it in worse.findings] == ["count"]


def test_a_store_elsewhere_is_held_against_the_only_report(tmp_path):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "here", records(nan=[3]))), tmp_path / "r.json")
    assert datacheck.scan(write_lmdb(tmp_path / "there", records(nan=[3])), known=known).status == 0


def test_of_several_sources_each_has_its_own(tmp_path, suffix):
    names = ["train", "val", "test"]
    stores = [write_lmdb(tmp_path / name, records(nan=[3] if name != "test" else [])) for name in names]
    known = tmp_path / f"r{suffix}"
    datacheck.scan(stores[:2], reports=[known])
    assert datacheck.scan(stores[:2], known=known).clean
    (tmp_path / "x").mkdir()
    both = datacheck.scan([write_lmdb(tmp_path / "x" / "train", records(nan=[3])), stores[2]], known=known)
    assert both.clean
    assert "has no findings of this source" in str(both[1])
    assert both[1].document().known.gone is None


def test_a_sample_names_none_as_gone(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=[3]))
    known = kept(datacheck.scan(store), tmp_path / "r.json")
    report = datacheck.scan(store, known=known, sample=10)
    assert "gone since" not in str(report)
    assert report.document().known.gone is None


def test_a_report_that_another_program_wrote_anew_is_known_too(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=[3, 7]))
    known = kept(datacheck.scan(store), tmp_path / "r.json")
    known.write_text(json.dumps(json.loads(known.read_text()), indent=2))
    assert datacheck.scan(store, known=known).status == 0


@pytest.mark.parametrize("findings", [0, 1, 5])
def test_findings_are_read_one_by_one_and_none_is_missed(tmp_path, findings):
    store = write_lmdb(tmp_path / "env", records(nan=range(findings)))
    report = datacheck.scan([store, store])
    paths = [tmp_path / "r.json", tmp_path / "r.jsonl"]
    datacheck.scan([store, store], reports=paths)
    for path in paths:
        seen = []
        documents, several, _ = earlier.read(path, lambda place, brief, seen=seen: seen.append((place, brief.key)))
        assert several
        assert [it.checked for it in documents] == [60, 60]
        assert len(seen) == 2 * findings == sum(len(it.findings) for it in report)
        assert all(isinstance(it.findings, msgspec.UnsetType) for it in documents)


def test_a_key_that_looks_like_the_report_is_a_key(tmp_path):
    odd = {b'"findings":[\n': b"", b"},\n{": b"", b'],"x': b""}
    store = write_lmdb(tmp_path / "env", records() | odd)
    first = datacheck.scan(store)
    assert first.counts["empty"] == 3
    for name in ("r.json", "r.jsonl"):
        assert datacheck.scan(store, known=kept(first, tmp_path / name)).counts == {}


def test_a_million_known_findings_are_numbers(tmp_path):
    """A finding is a row of eight bytes, not an object."""
    import tracemalloc

    count = 50_000
    line = (
        '{"source":"env","key":"%08d","index":%d,"field":"x","code":"nan","verdict":"bad","message":"m","details":{}}\n'
    )
    document = datacheck.scan(write_lmdb(tmp_path / "env", records())).document(findings=False)
    with (tmp_path / "r.jsonl").open("wb") as file:
        file.writelines((line % (at, at)).encode() for at in range(count))
        file.write(msgspec.json.encode(document) + b"\n")
    tracemalloc.start()
    from datacheck.reporting.known import KnownReport

    known = KnownReport(tmp_path / "r.jsonl").of("env", alone=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert known.gone == 0 or known.gone == count
    assert peak < 100 * count


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.json", "{}"),
        ("r.json", '{"schema":"datacheck-report/1","findings":[\n{"key"'),
        ("r.jsonl", '{"key":"a","code":"nan"}\n'),
        ("r.jsonl", ""),
        ("r.csv", "a,b"),
        ("r.json", None),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)
    store = write_lmdb(tmp_path / "env", records())
    for option in ("--known", "--like"):
        done = commanding.datacheck("scan", store, "--no-config", option, tmp_path / name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"datacheck: {tmp_path / name}: ")
        assert len(done.stderr.splitlines()) == 1


def test_the_report_that_is_known_is_not_written_over(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=[3]))
    known = kept(datacheck.scan(store), tmp_path / "r.json")
    before = known.read_bytes()
    with pytest.raises(datacheck.UsageError, match="would lose them"):
        datacheck.scan(store, known=known, reports=[known])
    assert known.read_bytes() == before


def test_one_worker_or_many_know_the_same(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=range(0, 60, 2)))
    known = kept(datacheck.scan(write_lmdb(tmp_path / "old", records(nan=range(0, 60, 4)))), tmp_path / "r.json")
    one, two = (datacheck.scan(store, known=known, workers=number) for number in (1, 2))
    assert list(one.findings) == list(two.findings)
    assert one.document().known == two.document().known


def test_a_configuration_that_was_found_is_named_as_one_that_loosens(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=[3]))
    known = kept(datacheck.scan(store), tmp_path / "r.json")
    (tmp_path / "datacheck.toml").write_text(f'known = "{known}"\n')
    done = commanding.datacheck("scan", store, cwd=tmp_path)
    assert done.returncode == 0
    assert "it loosens: known" in done.stdout


def test_a_document_without_known_ones_says_nothing_of_them(tmp_path):
    document = datacheck.scan(write_lmdb(tmp_path / "env", records())).document()
    assert (document.known, document.gone, document.unchanged) == (msgspec.UNSET,) * 3
    assert isinstance(document, Document)


def test_no_copy_rests_on_a_report_that_leaves_out_what_was_known(tmp_path):
    store = write_lmdb(tmp_path / "env", records(nan=[3, 7]))
    known = kept(datacheck.scan(write_lmdb(tmp_path / "old", records(nan=[3]))), tmp_path / "r.json")
    done = commanding.datacheck("scan", store, "--known", known, "--no-config", "-o", tmp_path / "new.json")
    assert done.returncode == 1
    assert "--drop-bad" in done.stdout
    assert "--from-report" not in done.stdout
    with pytest.raises(datacheck.UsageError, match="leaves out what"):
        datacheck.rebuild(store, tmp_path / "copy", drop_bad=True, from_report=tmp_path / "new.json")


@pytest.mark.parametrize(
    ("before", "now", "gone", "said"),
    [
        ({"range": "x=-9:9"}, {"range": "x=-9:9"}, 1, None),
        ({"range": "x=-1:1"}, {"range": "x=-9:9"}, None, "--range"),
        ({"range": "x=-1:1"}, {}, None, "--range"),
        ({"labels": 2}, {"labels": 3}, None, "--labels"),
        ({"duplicates": True}, {}, None, "--duplicates"),
        ({}, {"duplicates": True}, 1, None),
        ({"workers": 1, "max_bad": 2}, {"strict": True}, 1, None),
    ],
)
def test_nothing_is_gone_that_other_settings_would_not_find(tmp_path, before, now, gone, said):
    known = kept(datacheck.scan(write_lmdb(tmp_path / "a", records(nan=[3, 9])), **before), tmp_path / "r.json")
    report = datacheck.scan(write_lmdb(tmp_path / "b", records(nan=[3])), known=known, **now)
    assert report.document().known.gone == gone
    assert ("gone since" in str(report)) == bool(gone)
    assert ("so nothing is said to be gone" in str(report)) == (gone is None)
    assert said is None or f"with another {said}, so nothing" in str(report)
