"""Sound files that look like those whose rows, numbers or tables beside them are wrong."""

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store


def written(path, datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def told(path):
    forget_walks()
    return [(it.code, it.verdict) for it in open_store(path).layout().findings]


def traces(count, odd=None):
    names = [f"B{at:03}_EV" for at in range(count)]
    others = {f"noise/{it}" if at == 7 and odd == "group" else f"data/{it}": at for at, it in enumerate(names)}
    values = {it: np.random.default_rng(at).normal(size=(20, 3)) for it, at in others.items()}
    return names, values | ({"data/B007_EV": "none"} if odd == "text" else {})


@pytest.mark.parametrize("odd", ["group", "text"])
def test_a_record_that_is_unlike_the_others_is_there_too(tmp_path, odd):
    names, values = traces(20, odd)
    path = written(tmp_path / "merge.h5", values)
    (tmp_path / "merge.csv").write_text("\n".join(["name", *names]))
    assert told(path) == []


GONE = [57]
NUMBERED = {"from 1": range(1, 101), "more": range(105), "not once": [*range(100)] * 2, "others": [*range(90), 777]}


@pytest.mark.parametrize("column", [*NUMBERED, "names"])
def test_a_column_of_numbers_names_no_records_unless_it_has_each_once(tmp_path, column):
    gone = GONE if column in ("not once", "names") else []
    values = {str(at): np.random.default_rng(at).normal(size=(9, 3)) for at in range(100) if at not in gone}
    path = written(tmp_path / "train.h5", values)
    lines = (f"p{at},{it}" for at, it in enumerate(NUMBERED.get(column, range(100))))
    (tmp_path / "train.csv").write_text("\n".join(["file,number", *lines, ""]))
    missing = [it for it in told(path) if it[0] == "missing"]
    assert missing == ([("missing", "suspicious")] if column == "names" else [])


@pytest.mark.parametrize(
    ("numbers", "dtype", "expected"),
    [
        (np.arange(2, 41), "i4", []),  # from 1, but no question is about the first
        ([*range(40), 2**32 - 1], "u4", []),
        ([*range(40), 41], "u4", [("dangling", "bad")]),
    ],
)
def test_numbers_may_count_from_1_or_lead_to_none(tmp_path, numbers, dtype, expected):
    written(tmp_path / "features.h5", {"features": np.random.default_rng(0).normal(size=(40, 8, 2))})
    written(tmp_path / "questions.h5", {"image_idxs": np.array(numbers, dtype), "answers": np.arange(len(numbers))})
    assert told(tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "usual", "odd", "expected"),
    [
        ("captions", 5, 6, []),
        ("audio", 2, 1, []),
        ("xy", 22, 21, []),
        ("x", 64, 62, ["shape"]),
        ("x", 64, 66, []),
        ("log_mel", 20, 19, ["shape"]),
        ("mfcc", 13, 14, ["shape"]),
    ],
)
def test_rows_are_bands_if_they_are_many_or_named_so(tmp_path, name, usual, odd, expected):
    samples = {f"s{at}/{name}": np.ones((odd if at == 7 else usual, 20 + at)) for at in range(20)}
    path = written(tmp_path / "a.h5", {it: np.cumsum(values, axis=1) for it, values in samples.items()})
    assert [code for code, _ in told(path)] == expected


@pytest.mark.parametrize(("more", "expected"), [(3, []), (50, ["row-count"]), (-3, ["row-count"])])
def test_a_sound_may_have_samples_behind_its_last_frame(tmp_path, more, expected):
    rng = np.random.default_rng(0)
    lengths = [(20 + at, (20 + at) * 50 + more * (at == 4)) for at in range(12)]
    sounds = ({f"s{at}/wave": rng.normal(size=n), f"s{at}/feats": rng.normal(size=(t, 8))}
              for at, (t, n) in enumerate(lengths))  # fmt: skip
    path = written(tmp_path / "a.h5", {name: values for it in sounds for name, values in it.items()})
    assert [code for code, _ in told(path)] == expected


@pytest.mark.parametrize(("at", "expected"), [(10, []), (9, ["shape"])])
def test_the_last_of_files_with_as_many_rows_as_columns_may_have_fewer(tmp_path, at, expected):
    for number in range(1, 18):
        rows = 7 if number == (17 if at == 10 else at) else 24
        written(tmp_path / f"out_{number}.h5", {"windows": np.random.default_rng(number).normal(size=(rows, 24))})
    assert [code for code, _ in told(tmp_path)] == expected


@pytest.mark.parametrize(
    ("others", "odd", "expected"),
    [
        (["pos", "rot"], ("acc", 298), []),
        (["pos", "rot"], ("acc", 297), ["row-count"]),
        (["coords", "u"], ("connectivity", 297), []),
        (["users", "ages"], ("items", 297), []),
    ],
)
def test_differences_and_other_things_have_rows_of_their_own(tmp_path, others, odd, expected):
    values = {name: np.random.default_rng(at).normal(size=(300, 3 + at)) for at, name in enumerate(others)}
    path = written(tmp_path / "a.h5", values | {odd[0]: np.random.default_rng(9).normal(size=(odd[1], 9))})
    assert [code for code, _ in told(path)] == expected


@pytest.mark.parametrize(("place", "expected"), [(2**16 - 1, []), (2**16 - 2, ["/[3]"])])
def test_the_largest_number_of_a_type_is_no_position(tmp_path, place, expected):
    rng = np.random.default_rng(0)
    places = np.sort(rng.integers(1, 30, (20, 4)), axis=1).astype("u2")
    places[3, 3] = place
    ids = rng.integers(1, 900, (20, 32))
    path = written(tmp_path / "a.h5", {"input_ids": ids, "masked_lm_positions": places})
    found = datacheck.scan(path, workers=1).findings
    assert [it.key for it in found if it.code == "dangling"] == expected


@pytest.mark.parametrize(("link", "expected"), [("soft", []), ("external", ["unsupported"])])
def test_a_link_may_have_the_name_of_a_record(tmp_path, link, expected):
    names, values = traces(20)
    path = written(tmp_path / "merge.h5", values)
    written(tmp_path / "b.h5", {"C1": np.zeros((20, 3))})
    with h5py.File(path, "a") as file:
        file["data/C1"] = h5py.SoftLink("/data/B001_EV") if link == "soft" else h5py.ExternalLink("b.h5", "/C1")
    (tmp_path / "merge.csv").write_text("\n".join(["name", *names, "C1"]))
    assert [code for code, _ in told(path)] == expected


@pytest.mark.parametrize(
    ("name", "beside", "expected"),
    [
        ("image_idxs", "image_ids", []),
        ("image_idxs", "height", [("dangling", "bad")]),
        ("frame_idxs", "height", [("dangling", "suspicious")]),
    ],
)
def test_numbers_may_be_looked_up_or_be_those_of_frames(tmp_path, name, beside, expected):
    features = np.random.default_rng(0).normal(size=(38, 8, 2))
    written(tmp_path / "features.h5", {"features": features, beside: np.arange(38)})
    written(tmp_path / "questions.h5", {name: np.arange(40), "answers": np.arange(40)})
    assert told(tmp_path) == expected


@pytest.mark.parametrize(
    ("counts", "rows", "expected"),
    [([100] * 10, 950, []), ([40, 60] * 5, 250, []), ([40, 60] * 5, 490, [("dangling", "bad")])],
)
def test_the_last_window_may_be_cut_short_and_rates_may_differ(tmp_path, counts, rows, expected):
    ends = np.cumsum(counts)
    parts = np.zeros(10, [("start", "i8"), ("stop", "i8")])
    parts["start"], parts["stop"] = ends - counts, ends
    path = written(tmp_path / "a.h5", {"parts": parts, "signal": np.random.default_rng(0).normal(size=(rows, 4))})
    assert told(path) == expected


def test_a_copy_of_a_file_says_which_names_in_the_table_beside_it_are_gone(tmp_path):
    names, values = traces(20)
    values["data/B005_EV"][3, 1] = np.nan
    path = written(tmp_path / "merge.h5", values)
    (tmp_path / "merge.csv").write_text("\n".join(["name", *names]))
    receipt = datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert "merge.csv, beside the source, names B005_EV, which the copy does not have" in receipt.unkept
