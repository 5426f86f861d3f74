"""Test texts within records that are no JSON, though they speak of NaN or spell it as JSON does."""

import pytest
from decoding_together import compared

from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.decoders.trees.within import read_flawed


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{'x': NaN, 'n': 1}", "x"),
        ("{'name': 'NaN', 'x': nan}", "x"),
        ("{'title': 'Infinity War', 'rating': [2.5, nan]}", "rating[1]"),
        ('{"name": "NaN", "x": nan}', "x"),
    ],
)
def test_a_number_that_is_not_finite_is_found_beside_any_word(text, place):
    [field], [finding] = read_flawed("meta", text)
    assert (field.name, finding.field, finding.code, finding.verdict) == ("meta", "meta", "nan", "bad")
    assert finding.message == f"the value at {place} is NaN"


@pytest.mark.parametrize(
    "text", ["{'name': 'NaN', 'x': 2.5}", '{"name": "NaN", "x": 2.5}', "{'title': 'Infinity War', 'range': (0, inf)}"]
)
def test_such_words_alone_are_sound(text):
    assert read_flawed("meta", text) is None


def test_numbers_of_json_are_named_where_they_are():
    fields, findings = read_flawed("meta", '{"name": "NaN", "x": [1.0, NaN]}')
    assert ([it.name for it in fields], findings) == (["meta", "meta/x"], [])


def test_records_with_such_texts_are_judged_by_themselves():
    records = [b"{\"box\": \"{'name': 'NaN', 'x': %s}\", \"n\": 1}" % it for it in (b"1.5", b"2.5", b"nan", b"4.5")]
    assert compared(JsonDecoder(), records) == 0
    assert [[it.code for it in JsonDecoder().read(raw, None).findings] for raw in records] == [[], [], ["nan"], []]
