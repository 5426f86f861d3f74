"""Test texts of data (Python literals, printed arrays, YAML, XML) for numbers that are not finite."""

import numpy as np
import pytest
from decoding_together import compared

from datacheck.decoders.text import TextDecoder
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile

DATA = FamilyProfile("text", 100, of_data=True)


def findings_of(*values, profile=None):
    """Return the findings of the decoder of texts."""
    block = Block([b""] * len(values), values)
    return [it for it in TextDecoder().decode(block, range(len(values)), profile) if isinstance(it, tuple)]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (str({"x": [0.5, float("nan")], "name": "a"}), "nan", "the value at x[1] is NaN"),
        (str(("cat", 1.5, -np.inf)), "inf", "the value at [2] is infinite"),
        ("{'x': np.float64(nan)}", "nan", "the value at x is NaN"),
        (str({"x": {"y": np.array([[1.0, np.nan]])}}), "nan", "the value at x/y[0][1] is NaN"),
        (repr(np.array([[1.0, 2.0], [np.nan, 2.0]], "f4")), "nan", "the value at [1][0] is NaN"),
        (str(np.array([[1.0, np.nan], [3.0, -np.inf]])), "nan", "the first of 4 numbers that is NaN is at [1]"),
        ("name: cat\nx: .nan\nlist:\n- 1.5\n", "nan", "the value in line 2 is NaN"),
        ("- 1.5\n- .NaN\n", "nan", "the value in line 2 is NaN"),
        ("{x: 1, y: .NAN}", "nan", "the value in line 1 is NaN"),
    ],
)
def test_numbers_that_are_not_finite_are_found_where_the_text_says_what_a_number_is(text, code, words):
    for profile, verdict in ((DATA, "bad"), (None, "suspicious")):
        [(row, finding)] = findings_of(b"a sound caption", text.encode(), b"another", profile=profile)
        assert (row, finding.code, finding.verdict, finding.message) == (1, code, verdict, words)


def test_infinity_in_yaml_is_a_bound_unless_texts_are_data():
    text = b"height: 300\nmax-height: .inf  # at most\n"
    assert findings_of(text) == []
    [(_, finding)] = findings_of(text, profile=DATA)
    assert (finding.code, finding.verdict, finding.message) == ("inf", "bad", "the value in line 2 is infinite")


def test_an_element_of_xml_may_be_a_name():
    [(row, finding)] = findings_of(b"<box><x>1</x></box>", b"<box><x>nan</x><y>1</y></box>")
    assert (row, finding.code, finding.verdict) == (1, "nan", "suspicious")
    assert finding.message == "the element x holds nan, which is no finite number"


@pytest.mark.parametrize(
    "text",
    [
        "(-inf, 5)", "[0, inf]", "{'range': (-inf, inf)}",
        "(nan) is bread", "[nan] is bread", "{nan}", "Files end in: .nan and more", "<td>nan</td>", "nan: bread",
        "(I, nan, said)", "[x for x in nan]", "{'name': 'nan'}", "{'nan': 1}", "- nan bread\n- rice", "inf",
        "[a b nan c]",        "{'x': open(nan) if inf}", "[1, 2, informed]", str([1.5, 2]), "x: .5\ny: nan",
    ],
)  # fmt: skip
def test_words_are_no_numbers(text):
    assert findings_of(b"sound", text.encode()) == []


def test_such_a_text_within_a_record_is_found():
    records = [b'{"box": "{\'x\': %s}", "n": 1}' % it for it in (b"1.5", b"2.5", b"3.5", b"nan", b"4.5")]
    assert compared(JsonDecoder(), records) == 4
    [finding] = JsonDecoder().read(records[3], None).findings
    assert (finding.field, finding.code, finding.message) == ("box", "nan", "the value at x is NaN")


def test_nan_of_python_in_json_is_named():
    [finding] = JsonDecoder().read(b"[1.5, nan, 2]", None).findings
    assert (finding.code, finding.verdict) == ("undecodable", "bad")
    assert finding.message == "not JSON: nan, which JSON does not have, stands for a number at byte 6"
