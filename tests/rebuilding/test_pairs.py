"""Test that copies of stores with the same keys still have the same keys, whatever is left out of one of them."""

import pickle

import lmdb
import pytest
from building import datum, fingerprint, key, pixels, write_lmdb
from commanding import datacheck as command

import datacheck
from datacheck.rebuilding import pairs as pairs_module

COUNT = 40


def records(shift=0):
    return {key(number): datum(pixels(number + shift, (3, 8, 8)), number % 10) for number in range(COUNT)}


def broken(value):
    return value[:-5]


@pytest.fixture
def stores(tmp_path):
    """Two stores: 3 is broken in the first and 5 in the second; 7 is only in the first and 9 only in the second."""
    first, second = records(), records(1000)
    first[key(3)], second[key(5)] = broken(first[key(3)]), broken(second[key(5)])
    del first[key(9)], second[key(7)]
    return [write_lmdb(tmp_path / "first", first), write_lmdb(tmp_path / "second", second)]


def contents(path):
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return dict(transaction.cursor())


def test_what_goes_from_one_goes_from_both(tmp_path, stores):
    before = [contents(store) for store in stores]
    receipts = datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    left = {key(number) for number in range(COUNT)} - {key(number) for number in (3, 5, 7, 9)}
    for receipt, store, old in zip(receipts, stores, before, strict=True):
        made = contents(tmp_path / "out" / store.name)
        assert made == {name: value for name, value in old.items() if name in left}
        assert (receipt.written, receipt.kept, receipt.dropped) == (True, 36, 3)
    assert all(it.clean for it in datacheck.scan([tmp_path / "out" / it.name for it in stores], paired=True))


def test_records_that_are_kept_stay_in_both(tmp_path, stores):
    datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True, keep=["unpaired"])
    first, second = (contents(tmp_path / "out" / it.name) for it in stores)
    assert key(7) in first
    assert key(9) in second
    assert key(3) not in second
    assert key(5) not in first


def counted(tmp_path, *lengths):
    """Write two stores, with 5 broken in the second; those at `lengths` count their records."""
    made = [records(), records(1000)]
    made[1][key(5)] = broken(made[1][key(5)])
    for place in lengths:
        made[place][b"length"] = b"%d" % COUNT
    return [write_lmdb(tmp_path / name, it) for name, it in zip(("first", "second"), made, strict=True)]


def test_numbers_are_closed_up_in_both(tmp_path):
    stores = counted(tmp_path, 0, 1)
    before = [contents(store) for store in stores]
    datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    for store, old in zip(stores, before, strict=True):
        made = contents(tmp_path / "out" / store.name)
        assert made.pop(b"length") == b"%d" % (COUNT - 1)
        assert made == {key(number): old[key(number + (number >= 5))] for number in range(COUNT - 1)}


def test_numbers_that_only_one_of_them_counts_are_not_closed_up(tmp_path):
    stores = counted(tmp_path, 0)
    with pytest.raises(datacheck.RebuildFailed, match="would not fit together; --keep-numbers"):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    assert not (tmp_path / "out").exists()
    datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True, renumber=False)
    first, second = (contents(tmp_path / "out" / it.name) for it in stores)
    assert first.pop(b"length") == b"%d" % (COUNT - 1)
    assert first.keys() == second.keys() == records().keys() - {key(5)}


@pytest.mark.parametrize("lengths", [(), (0,), (1,)])
def test_numbers_are_closed_up_in_both_where_that_is_asked_for(tmp_path, lengths):
    stores = counted(tmp_path, *lengths)
    before = [contents(store) for store in stores]
    datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True, renumber=True)
    for place, (store, old) in enumerate(zip(stores, before, strict=True)):
        made = contents(tmp_path / "out" / store.name)
        assert made.pop(b"length", None) == (b"%d" % (COUNT - 1) if place in lengths else None)
        assert made == {key(number): old[key(number + (number >= 5))] for number in range(COUNT - 1)}


def test_gaps_are_named_of_both(tmp_path):
    made = [{key(at): pickle.dumps(pixels(at + shift, (3, 8, 8))) for at in range(COUNT)} for shift in (0, 1000)]
    made[1][key(5)] = broken(made[1][key(5)])
    stores = [write_lmdb(tmp_path / name, it) for name, it in zip(("first", "second"), made, strict=True)]
    for receipt in datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True):
        (said,) = receipt.unkept
        assert said.endswith("now lack 5: a loader that counts up needs --renumber")


def test_without_a_choice_nothing_is_written(tmp_path, stores):
    receipts = datacheck.rebuild(stores, tmp_path / "out", paired=True)
    assert [(it.written, it.dropped) for it in receipts] == [(False, 3), (False, 3)]
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(tmp_path, stores):
    receipts = datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True, dry_run=True)
    assert [(it.written, it.kept) for it in receipts] == [(False, 36), (False, 36)]
    assert not (tmp_path / "out").exists()


def test_a_copy_that_fails_takes_the_others_with_it(tmp_path, stores, monkeypatch):
    real = pairs_module.rebuild_as

    def failing(order, *args, **more):
        if order.source == stores[1]:
            raise datacheck.RebuildFailed(str(order.source), "no room")
        return real(order, *args, **more)

    monkeypatch.setattr(pairs_module, "rebuild_as", failing)
    with pytest.raises(datacheck.RebuildFailed, match="no room"):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("place", ["", "out", "deep/out"])
def test_no_source_is_written_to(tmp_path, stores, at, place, monkeypatch):
    before = [fingerprint(store) for store in stores]
    made = []
    monkeypatch.setattr(pairs_module, "_folder", lambda target: made.append(target))
    with pytest.raises(datacheck.UsageError):
        datacheck.rebuild(stores, stores[at] / place, paired=True, drop_bad=True)
    (tmp_path / "link").symlink_to(stores[at])
    with pytest.raises(datacheck.DatacheckError):
        datacheck.rebuild(stores, tmp_path / "link" / place, paired=True, drop_bad=True)
    assert made == []
    assert [fingerprint(store) for store in stores] == before


def test_a_folder_that_holds_a_source_is_refused(tmp_path, stores):
    with pytest.raises(datacheck.UsageError, match="is inside the target"):
        datacheck.rebuild(stores, tmp_path, paired=True, drop_bad=True)


def test_what_somebody_else_has_put_there_stays(tmp_path, stores, monkeypatch):
    real = pairs_module.rebuild_as

    def failing(order, *args, **more):
        if order.source == stores[1]:
            (tmp_path / "out" / "theirs").write_text("theirs")
            raise datacheck.RebuildFailed(str(order.source), "no room")
        return real(order, *args, **more)

    monkeypatch.setattr(pairs_module, "rebuild_as", failing)
    with pytest.raises(datacheck.RebuildFailed, match="no room"):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    assert [it.name for it in (tmp_path / "out").iterdir()] == ["theirs"]


def test_what_lies_there_is_left_alone(tmp_path, stores):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(datacheck.TargetExists):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    assert (tmp_path / "out" / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"force": True}, "nothing to --force"),
        ({"quarantine": "held"}, "--quarantine is for one"),
        ({"from_report": "r.json"}, "--from-report is for one"),
    ],
)
def test_options_for_one_store_are_refused(tmp_path, stores, options, words):
    with pytest.raises(datacheck.UsageError, match=words):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True, **options)


def test_several_sources_without_the_option_are_refused(tmp_path, stores):
    with pytest.raises(datacheck.UsageError, match="paired=True"):
        datacheck.rebuild(stores, tmp_path / "out")


def test_samples_of_several_records_are_refused_by_name(tmp_path):
    made = {}
    for number in range(1, COUNT + 1):
        made[b"image-%09d" % number], made[b"label-%09d" % number] = datum(pixels(number), 1), b"word"
    made[b"num-samples"] = b"%d" % COUNT
    stores = [write_lmdb(tmp_path / name, made) for name in ("first", "second")]
    with pytest.raises(datacheck.RebuildFailed, match="several records each"):
        datacheck.rebuild(stores, tmp_path / "out", paired=True, drop_bad=True)
    assert not (tmp_path / "out").exists()


def test_the_command_that_a_scan_prints_can_be_run(tmp_path, stores):
    done = command("scan", *stores, "--paired")
    assert done.returncode == 1
    (advice,) = {line for line in done.stdout.splitlines() if line.startswith("clean copies of all 2: ")}
    words = advice.partition(": datacheck ")[2].split()
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("kept 36 of 39 records, each compared with the source") == 2
    assert command("scan", *(f"{words[3]}/{it.name}" for it in stores), "--paired").returncode == 0


def test_the_command_says_what_is_missing(tmp_path, stores):
    done = command("rebuild", *stores, tmp_path / "out")
    assert (done.returncode, "one SOURCE at a time, or --paired" in done.stderr) == (2, True)
    done = command("scan", stores[0], "--paired")
    assert (done.returncode, "name two or more" in done.stderr) == (2, True)
    done = command("rebuild", *stores, tmp_path / "out", "--paired", "--report", tmp_path / "r.json")
    assert (done.returncode, "--report takes one receipt" in done.stderr) == (2, True)
