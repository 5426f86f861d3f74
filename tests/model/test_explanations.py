"""Test that every code is explained."""

import pytest

from datacheck.model.codes import CODES
from datacheck.model.explanations import EXPLANATIONS


def test_there_is_one_row_a_code():
    assert list(EXPLANATIONS) == list(CODES)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_each_text_is_a_sentence_or_more(code):
    for text in EXPLANATIONS[code]:
        assert text[0].isupper() or text[0] == "`" or text.startswith("datacheck")
        assert text.endswith(".")
        assert text.count("`") % 2 == 0
