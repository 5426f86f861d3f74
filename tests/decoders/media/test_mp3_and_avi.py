"""Test sound and video that is not read, alone and within records: it is named, and never clean without a word."""

import base64
import json
import pickle
import random
import struct

import h5py
import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.foreign import known_format
from datacheck.decoders.trees.json_text import JsonDecoder

COUNT = 20


def noise(at, size):
    return random.Random(at).randbytes(size)


def frames(at, count=6):
    return b"".join(b"\xff\xfb\x90\x64" + noise(at + frame, 413) for frame in range(count))


def avi(at):
    body = (
        b"AVI LIST"
        + struct.pack("<I", 60)
        + b"hdrl"
        + noise(at, 56)
        + b"LIST"
        + struct.pack("<I", 400)
        + noise(at, 400)
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


MEDIA = {
    "MP3 sound": frames,
    "MP3 sound with a tag": lambda at: b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + frames(at),
    "MP3 sound of one frame": lambda at: frames(at, 1),
    "MP3 sound and a tag": lambda at: frames(at, 2) + b"TAG" + bytes(125),
    "AVI video": avi,
}
CONTAINERS = {
    "pickle": lambda raw: pickle.dumps({"audio": raw, "label": 1}),
    "msgpack": lambda raw: msgpack.packb({"audio": raw, "label": 1}),
    "json": lambda raw: json.dumps({"audio": base64.b64encode(raw).decode(), "label": 1}).encode(),
    "json of a data uri": lambda raw: json.dumps(
        {"audio": f"data:a/b;base64,{base64.b64encode(raw).decode()}"}
    ).encode(),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_sound_and_video_that_is_not_read_is_named(container, tmp_path):
    names = [name for name in MEDIA for _ in range(4)]
    values = {key(at): CONTAINERS[container](MEDIA[name](at)) for at, name in enumerate(names)}
    findings = [it for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings if it.code != "constant"]
    assert {(it.code, it.verdict) for it in findings} == {("unknown-payload", "unverifiable")}
    assert [name[:9] in it.message for name, it in zip(names, findings, strict=True)] == [True] * COUNT


@pytest.mark.parametrize("name", MEDIA)
def test_files_of_sound_and_video_are_named(name):
    assert known_format(MEDIA[name](1)) == name[:9]


@pytest.mark.parametrize("name", ["MP3 sound", "AVI video"])
def test_cells_of_hdf5_are_named_and_others_among_them_too(name, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        cells = file.create_dataset("audio", (COUNT,), dtype=h5py.vlen_dtype(np.uint8))
        for at in range(COUNT):
            cells[at] = np.frombuffer(MEDIA[name](at) if at != 7 else noise(at, 300), np.uint8)
        file["label"] = np.arange(COUNT)
    findings = [(it.key, it.code, it.message) for it in scan(tmp_path / "a.h5", workers=1).findings]
    assert findings[0][:2] == ("/[7]", "undecodable")
    assert findings[1:] == [
        (
            None,
            "unknown-payload",
            f"no decoder knows the payload of the 19 records of '/audio': those sampled are {name}",
        )
    ]


def test_noise_behind_one_frame_is_no_mp3():
    assert known_format(frames(1, 1) + noise(1, 300)) is None
    assert known_format(frames(1, 3)[:-1]) is None


def test_words_that_begin_like_mp3_in_base64_are_texts():
    words = ["//uQxAAAAAAAAAAAAAAAAAAA", "//" + "abcdefgh" * 9, "AAAA" * 20, "T2dnLg" + "a" * 60]
    reading = JsonDecoder().read(
        json.dumps({"words": "x", **{f"w{at}": it for at, it in enumerate(words)}}).encode(), None
    )
    assert (reading.findings, {it.format for it in reading.fields}) == ([], {"text"})


def test_wav_in_base64_is_read(tmp_path):
    body = (
        b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data"
        + struct.pack("<I", 200)
        + noise(1, 200)
    )
    wav = b"RIFF" + struct.pack("<I", len(body)) + body
    values = {key(at): CONTAINERS["json"](wav[:-50] if at == 7 else wav) for at in range(COUNT)}
    findings = [(it.key, it.field, it.code) for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings]
    assert ("00000007", "audio", "truncated") in findings
    assert {it[0] for it in findings} - {None} == {"00000007"}
