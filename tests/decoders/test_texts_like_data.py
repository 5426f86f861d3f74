"""Test texts of other kinds that look like data with NaN, or like arrays that were cut short."""

import json
import time

import pytest
from building import key, write_lmdb

import datacheck
from datacheck.decoders.text import TextDecoder, stand_in_finding
from datacheck.decoders.text_literals import data_finding
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile

SOUND = (
    "Supported file extensions: .exe, .dll, .inf, .sys", "Driver setup information file: .inf",
    "- .exe\n- .inf\n- .sys", "[.exe, .dll, .inf]", "files: .inf\ndocs: .txt\nsize: 3", "[nan]", "[inf]",
    "(NaN, NaN)", "{lang: nan}", "{x: NaN}", "[f(0), inf, 2]", "(min(0, inf), max(0, 3))", "{ a: 1, b: Infinity }",
    "return x ? 1 : .nan", "case zero: .nan", "- key: .inf, and others", "<author>Nan</author><year>1999</year>",
    "<option value='1'>nan</option>", "<entry><form>nan</form><id>3</id></entry>", "<tei><w>nan</w><n>1</n></tei>",
    "<text>NaN</text>", "<title>NaN</title>", "[1, 2, 3, ..., n]", "[0, 1, 2, ..., 9] is a list", "[1, 2, 3, ... 10]",
    "b'a' + b'c'", "b'x' if y else b'z'",
)  # fmt: skip


@pytest.mark.parametrize("text", [" [object Object]", "<a\nb at 0x1f>", " <HDF5 dataset 'x'>", "<a at 0x1f>\n"])
def test_a_text_is_judged_alike_alone_and_beside_a_flawed_one(text):
    decoder = TextDecoder()
    alone = [it for _, it in decoder.decode(Block([b""], [text.encode()]), [0], None)]
    beside = [it for row, it in decoder.decode(Block([b"", b""], [text.encode(), b"b'x'"]), [0, 1], None) if not row]
    assert alone == beside


@pytest.mark.parametrize("profile", [None, FamilyProfile("text", 100, of_data=True)])
def test_texts_of_other_kinds_are_sound(profile):
    texts = [it.encode() for it in SOUND]
    findings = [*TextDecoder().decode(Block([b""] * len(texts), texts), range(len(texts)), profile)]
    assert [(SOUND[row], it.message) for row, it in findings] == []


def test_answers_in_python_are_only_suspicious_but_nan_among_literals_is_bad(tmp_path):
    answers = {key(it): f"Answer {it}: a list of what is there".encode() for it in range(300)}
    answers[key(7)] = b"{'age': nan, 'size': 3}"
    boxes = {key(it): b"{'file': 'a.jpg', 'label': 'cat', 'score': %d}" % it for it in range(300)}
    boxes[key(7)] = b"{'file': 'a.jpg', 'label': 'cat', 'score': nan}"
    for name, records, verdict in (("answers", answers, "suspicious"), ("boxes", boxes, "bad")):
        report = datacheck.scan(write_lmdb(tmp_path / name, records), workers=1)
        assert [(it.key, it.code, it.verdict) for it in report.findings] == [("00000007", "nan", verdict)]


@pytest.mark.parametrize(("name", "verdict"), [("output", "suspicious"), ("messages", "suspicious"), ("box", "bad")])
@pytest.mark.parametrize("text", ["{'x': nan}", "[1, nan]"])
def test_code_and_answers_within_records_may_speak_of_nan(name, verdict, text):
    [finding] = JsonDecoder().read(json.dumps({name: text}).encode(), None).findings
    assert (finding.code, finding.verdict) == ("nan", verdict)


def test_json_in_an_answer_is_only_suspicious():
    reading = JsonDecoder().read(json.dumps({"output": "[1, NaN]"}).encode(), None)
    assert [(it.field, it.code, it.verdict) for it in reading.findings] == [("output", "nan", "suspicious")]


@pytest.mark.parametrize(
    "text",
    [
        "[nan %sx]" % ("1" * 200_000), "<p>nan</p> <%s" % ("a" * 200_000), "{a: .nan, %s:" % ("a" * 200_000),
        "[nan %s x]" % ("1 " * 200_000), "a: .nan\n" + "- " * 200_000 + ":", "b'" + "' " * 200_000,
        "[" * 200_000 + "1", "[[1" + (" " * 100_000 + "1") * 3,
    ],
    ids=range(8),
)  # fmt: skip
def test_long_texts_take_linear_time(text):
    start = time.process_time()
    data_finding(text)
    stand_in_finding(text)
    assert time.process_time() - start < 1
