"""Test tags that take more bytes than they need, which protobuf allows but no library writes."""

import pytest
from building import datum, floats

from datacheck.decoders.datum.message import filled, parse


@pytest.mark.parametrize("tag", [b"\xb5\x00", b"\xb5\x80\x00"])
def test_a_padded_tag_of_float_data_ends_the_message_and_not_never(tag):
    message = datum(floats(1, (1, 1, 2)), 3) + tag + b"\0\0\x80\x3f"
    _, finding = parse(message)
    assert finding.code == "trailing-data"
    assert "more bytes than it takes" in finding.message
    assert parse(tag + b"\0\0\x80\x3f")[1].code == "undecodable"
    assert filled(message, 0.0).endswith(tag + b"\0\0\x80\x3f")
