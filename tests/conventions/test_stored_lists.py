"""Lists of keys in texts, tables and arrays, and beside other things in a pickle: true in a copy, or named as stale."""

from __future__ import annotations

import datetime
import json
import pickle
from io import BytesIO

import numpy as np
import pytest
from building import npy
from convention_stores import picture, read, write

import datacheck

NAMES = [f"im_{number:05d}_x" for number in range(40)]
GONE = NAMES[17]


def npz(values):
    file = BytesIO()
    np.savez(file, names=values)
    return file.getvalue()


def records(kept, cut=()):
    made = {name.encode(): picture(number) for number, name in enumerate(NAMES)}
    for name in cut:
        made[name.encode()] = made[name.encode()][:100]
    return made | {b"train_list": kept}


REWRITTEN = {
    "lines": (lambda names: "\n".join(names).encode(), lambda raw: raw.decode().split("\n")),
    "lines with an end": (
        lambda names: "".join(f"{it}\n" for it in names).encode(),
        lambda raw: raw.decode().splitlines(),
    ),
    "lines of DOS": (
        lambda names: "".join(f"{it}\r\n" for it in names).encode(),
        lambda raw: raw.decode().removesuffix("\r\n").split("\r\n"),
    ),
    "commas": (lambda names: ",".join(names).encode(), lambda raw: raw.decode().split(",")),
    "None beside it": (
        lambda names: pickle.dumps({"names": names, "about": None}),
        lambda raw: pickle.loads(raw)["names"],
    ),
    "None beside it, protocol 0": (
        lambda names: pickle.dumps([names, None], protocol=0),
        lambda raw: pickle.loads(raw)[0],
    ),
}


@pytest.mark.parametrize(("written", "names_in"), REWRITTEN.values(), ids=REWRITTEN)
def test_a_list_that_can_be_written_again_is_true_in_a_copy(tmp_path, written, names_in):
    source = write(tmp_path / "store", records(written(NAMES), cut=[GONE]))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert receipt.repairs.lists == ("train_list",)
    assert names_in(read(tmp_path / "copy")[b"train_list"]) == [it for it in NAMES if it != GONE]


ONLY_NAMED = {
    "a date beside it": lambda names: pickle.dumps({"names": names, "day": datetime.date(2020, 1, 1)}),
    "a mean beside it": lambda names: pickle.dumps({"names": names, "mean": np.float32([1, 2, 3])}),
    "an array": lambda names: pickle.dumps(np.array(names)),
    "an array of objects": lambda names: pickle.dumps(np.array(names, object)),
    "npy": lambda names: npy(np.array(names)),
    "npy of bytes": lambda names: npy(np.array(names, "S")),
    "npz": lambda names: npz(np.array(names)),
    "a table": lambda names: "".join(f"{it},{at % 3}\n" for at, it in enumerate(names)).encode(),
    "JSON lines": lambda names: "\n".join(json.dumps({"name": it, "label": 1}) for it in names).encode(),
    "names of files": lambda names: json.dumps([f"{it}.png" for it in names]).encode(),
    "paths of files": lambda names: "\n".join(f"images/{it}.jpg" for it in names).encode(),
    "indices": lambda names: pickle.dumps({"train": np.arange(0, len(names), 2), "val": np.arange(1, len(names), 2)}),
}


@pytest.mark.parametrize("written", ONLY_NAMED.values(), ids=ONLY_NAMED)
def test_a_list_that_cannot_be_is_as_before_and_the_receipt_says_so(tmp_path, written):
    source = write(tmp_path / "store", records(written(NAMES), cut=[GONE]))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert read(tmp_path / "copy")[b"train_list"] == written(NAMES)
    assert any(
        "train_list" in it and "of records as before: some may not be in the copy" in it for it in receipt.unkept
    )


@pytest.mark.parametrize(
    "written", [*(it for it, _ in REWRITTEN.values()), *ONLY_NAMED.values()], ids=[*REWRITTEN, *ONLY_NAMED]
)
def test_a_sound_list_of_any_form_is_sound(tmp_path, written):
    report = datacheck.scan(write(tmp_path / "store", records(written(NAMES))), workers=1)
    assert [*report.findings] == []


def with_header(literal, values):
    return b"\x93NUMPY\x02\x00" + len(literal).to_bytes(4, "little") + literal + values


HOSTILE = {
    "a long header": with_header(
        b"{'descr': '<U10', 'fortran_order': False, 'shape': (40,), }" + b" " * 30_000 + b"\n",
        np.array(NAMES).astype("<U10").tobytes(),
    ),
    "no characters": npy(np.frombuffer(b"\xff" * 160, "<U1")),
    "no characters in a pickle": pickle.dumps(np.frombuffer(b"\xff" * 160, "<U1")),
    "texts of no letters": npy(np.zeros(40, "S0")),
    "half characters": npy(np.frombuffer(b"\x00\xd8\x00\x00" * 40, "<U1")),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_arrays_are_no_error_of_ours(tmp_path, raw):
    report = datacheck.scan(write(tmp_path / "store", records(raw)), workers=1)
    assert "internal-error" not in report.counts
    assert report.complete


@pytest.mark.parametrize(
    "text",
    [
        b"a picture of a cat, a dog, a bird, and a fish",
        b"first line\nsecond line\nthird line\nfourth line\nfifth line\n",
        "\n".join(f"IM_{number:05d}_Y" for number in range(40)).encode(),
        "\n".join(f"images/other_{number}.jpg" for number in range(40)).encode(),
        b"name,label\n" + b"cat,1\ndog,2\nbird,3\nfish,4\ncow,5\n",
    ],
)
def test_other_texts_are_no_lists_of_keys(tmp_path, text):
    source = write(tmp_path / "store", records(text, cut=[GONE]))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert read(tmp_path / "copy")[b"train_list"] == text
    assert not any("train_list" in it for it in receipt.unkept)


def test_a_name_in_a_text_that_no_record_has_is_told(tmp_path):
    kept = "\n".join([*NAMES, "im_99999_x"]).encode()
    report = datacheck.scan(write(tmp_path / "store", records(kept)), workers=1)
    assert [(it.code, it.verdict) for it in report.findings] == [("dangling", "suspicious")]


def test_keys_with_blanks_in_them_are_found_in_lines(tmp_path):
    made = {f"class a/im {number:03} x".encode(): picture(number) for number in range(40)}
    kept = b"\n".join(made)
    made[b"class a/im 017 x"] = made[b"class a/im 017 x"][:100]
    receipt = datacheck.rebuild(
        write(tmp_path / "store", made | {b"train_list": kept}), tmp_path / "copy", drop_bad=True, workers=1
    )
    assert any("train_list lists keys of records as before" in it for it in receipt.unkept)
