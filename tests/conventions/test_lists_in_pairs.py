"""Lists of keys whose items belong together place by place, and mappings that a loader expects to be what they were."""

import json
import pickle
from collections import OrderedDict, defaultdict

import pytest
from convention_stores import read, read_database, write, write_databases

import datacheck

KEYS = [f"rec{at * 3:04}" for at in range(60)]
FIRST, SECOND = KEYS[:30], KEYS[30:]
BAD = KEYS[7].encode()
DUMPS = {"json": (lambda it: json.dumps(it).encode(), json.loads), "pickle": (pickle.dumps, pickle.loads)}


def records(names=KEYS):
    return {key.encode(): json.dumps({"x": [at / 7, 1.5]}).encode() for at, key in enumerate(names)}


def copied(tmp_path, value, form="pickle", name=b"pairs", names=KEYS, bad=BAD):
    dumps, loads = DUMPS[form]
    sound = write(tmp_path / "sound", records(names) | {name: dumps(value)})
    assert datacheck.scan(sound).counts == {}
    source = write(tmp_path / "store", records(names) | {name: dumps(value), bad: b'{"x": [1'})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy").counts == {}
    return loads(read(tmp_path / "copy")[name])


@pytest.mark.parametrize("form", DUMPS)
@pytest.mark.parametrize(
    "names", [("left", "right"), ("anchor", "positive"), ("img1", "img2"), ("train_a", "train_b"), ("noisy", "clean")]
)
def test_what_belongs_together_goes_together(tmp_path, form, names):
    made = copied(tmp_path, dict(zip(names, (FIRST, SECOND), strict=True)), form)
    assert list(made) == list(names)
    assert list(zip(*made.values(), strict=True)) == [it for it in zip(FIRST, SECOND, strict=True) if it[0] != KEYS[7]]


def test_triplets_and_a_list_of_all_beside_them(tmp_path):
    value = {"anchor": KEYS[:20], "positive": KEYS[20:40], "negative": KEYS[40:], "all_keys": KEYS}
    made = copied(tmp_path, value)
    assert [len(it) for it in made.values()] == [19, 19, 19, 59]
    assert made["negative"] == [it for at, it in enumerate(KEYS[40:]) if at != 7]


SETS = [("train", "val"), ("fold0", "fold1"), ("split_a", "split_b"), ("shard0", "shard1")]


@pytest.mark.parametrize("names", [*SETS, ("seen", "unseen"), ("labeled", "unlabeled"), ("query", "gallery")])
def test_sets_of_one_size_lose_each_their_own(tmp_path, names):
    made = copied(tmp_path, dict(zip(names, (FIRST, SECOND), strict=True)))
    assert list(made.values()) == [[it for it in FIRST if it != KEYS[7]], SECOND]


def test_the_same_records_in_another_order_lose_each_their_own(tmp_path):
    made = copied(tmp_path, {"order": KEYS[::-1], "every": KEYS})
    assert made == {"order": [it for it in KEYS[::-1] if it != KEYS[7]], "every": [it for it in KEYS if it != KEYS[7]]}


def test_as_many_of_each_class_lose_each_their_own(tmp_path):
    names = {"cat": [f"cat/{at * 7:04}" for at in range(30)], "dog": [f"dog/{at * 5:04}" for at in range(30)]}
    every = [it for of in names.values() for it in of]
    made = copied(tmp_path, names, names=every, bad=every[7].encode())
    assert [len(it) for it in made.values()] == [29, 30]


def test_clips_of_one_length_lose_each_their_own(tmp_path):
    names = {f"clip{clip}": [f"clip{clip}/{at:04}" for at in range(10)] for clip in range(6)}
    made = copied(tmp_path, names, names=[it for of in names.values() for it in of], bad=b"clip3/0009")
    assert [len(it) for it in made.values()] == [10, 10, 10, 9, 10, 10]


def test_a_mapping_stays_what_it_was(tmp_path):
    made = copied(tmp_path, OrderedDict(val=SECOND, train=FIRST), name=b"__keys__")
    assert type(made) is OrderedDict
    assert made == OrderedDict(val=SECOND, train=[it for it in FIRST if it != KEYS[7]])


def test_a_mapping_with_a_default_stays_what_it_was(tmp_path):
    by_class = defaultdict(list, cat=FIRST[:20], dog=KEYS[20:])
    made = copied(tmp_path, by_class)
    assert type(made) is defaultdict
    assert made["owl"] == []
    assert made["cat"] == [it for it in FIRST[:20] if it != KEYS[7]]


ROWS = {
    "pairs": [list(it) for it in zip(FIRST, SECOND, strict=True)],
    "tuples": list(zip(FIRST, SECOND, strict=True)),
    "triplets": [list(it) for it in zip(KEYS[:20], KEYS[20:40], KEYS[40:], strict=True)],
    "labelled": [[key, at % 3] for at, key in enumerate(FIRST)],
    "within": {"of": 1.5, "pairs": [list(it) for it in zip(FIRST, SECOND, strict=True)]},
}


def rows_of(value):
    return value["pairs"] if isinstance(value, dict) else value


@pytest.mark.parametrize("form", DUMPS)
@pytest.mark.parametrize("value", ROWS.values(), ids=ROWS)
def test_a_pair_goes_as_a_whole(tmp_path, form, value):
    dumps, loads = DUMPS[form]
    made = rows_of(copied(tmp_path, value, form))
    assert made == [it for it in rows_of(loads(dumps(value))) if KEYS[7] not in it]


def test_a_pair_whose_record_is_gone_is_said_and_not_in_a_copy(tmp_path):
    store = {key: value for key, value in records().items() if key != BAD}
    source = write(tmp_path / "store", store | {b"pairs": json.dumps(ROWS["pairs"]).encode()})
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict, finding.details["first"]) == ("dangling", "suspicious", [KEYS[7]])
    datacheck.rebuild(source, tmp_path / "copy")
    assert json.loads(read(tmp_path / "copy")[b"pairs"]) == [it for it in ROWS["pairs"] if KEYS[7] not in it]
    assert datacheck.scan(tmp_path / "copy").counts == {}


def test_rows_of_classes_named_by_numbers_are_no_keys(tmp_path):
    names = [str(at) for at in range(60)]
    value = [[str(at % 10), str(at % 7)] for at in range(60)]
    store = records(names) | {b"annotations": json.dumps(value).encode(), b"7": b'{"x": [1'}
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"annotations"]) == value


@pytest.mark.parametrize("form", DUMPS)
@pytest.mark.parametrize("database", ["", "pairs"])
def test_pairs_under_keys_of_their_own(tmp_path, form, database):
    dumps, loads = DUMPS[form]
    lists = {b"left_keys": dumps(FIRST), b"right_keys": dumps(SECOND)}

    def store(name, **bad):
        every = records() | {key.encode(): value for key, value in bad.items()}
        if not database:
            return write(tmp_path / name, every | lists)
        return write_databases(tmp_path / name, {"data": every, database: lists})

    assert datacheck.scan(store("sound")).counts == {}
    datacheck.rebuild(store("store", **{KEYS[7]: b'{"x": [1'}), tmp_path / "copy", drop_bad=True)
    copy = read_database(tmp_path / "copy", database) if database else read(tmp_path / "copy")
    left, right = loads(copy[b"left_keys"]), loads(copy[b"right_keys"])
    assert list(zip(left, right, strict=True)) == [it for it in zip(FIRST, SECOND, strict=True) if it[0] != KEYS[7]]
    assert datacheck.scan(tmp_path / "copy").counts == {}
