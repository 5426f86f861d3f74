"""Test the text format of protobuf: separators between fields, and what does not belong there."""

import pytest

from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.syntax import MAX_DEPTH, SyntaxFault, read_fields


def names(fields):
    return [node.name if node.fields is None else (node.name, names(node.fields)) for node in fields]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("dim: [], dim: 1", ["dim"]),
        ("dim: []; dim: 1", ["dim"]),
        ("dim: [] dim: 1", ["dim"]),
        ("dim: [1], dim: 2", ["dim", "dim"]),
        ("dim: [1, 2]; dim: 3", ["dim", "dim", "dim"]),
        ("dim: 1, dim: 2; dim: 3 dim: 4", ["dim"] * 4),
        ("a { b: 1 }, a < b: 2 >; c: 3", [("a", ["b"]), ("a", ["b"]), "c"]),
        ("a [ { b: 1 }, < b: 2 > ], c: 3", [("a", ["b"]), ("a", ["b"]), "c"]),
        ('a: "1" \'2\' "3", b: -4', ["a", "b"]),
        ("[some.name/of.it]: 1, a: 2", ["[some.name/of.it]", "a"]),
        ("a: -inf b: 1.5e-3f c: .5 # d: 1\nd: x", ["a", "b", "c", "d"]),
    ],
)
def test_fields_and_what_stands_between_them(text, read):
    assert names(read_fields(text)) == read


def test_an_empty_list_is_followed_by_a_field():
    net = parse_prototxt("net.prototxt", "input_dim: [], input_dim: 7\ninput: []; input: 'a'\n")
    assert (list(net.message.input_dim), list(net.message.input)) == ([7], ["a"])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\n}", 2, "expected a field, found '}'"),
        ("a <\n b: 1 }", 2, "expected a field, found '}'"),
        ("a {\n b: 1", 1, "the file ends inside the braces opened here, without '}'"),
        ("a: 1\n: 2", 2, "expected a field's name, found ':'"),
        ("a\n1", 2, "expected ':' or '{' after a, found '1'"),
        ("a:\n}", 2, "expected a value, found '}'"),
        ("a:", 1, "expected a value, found the end of the file"),
        ("a: -'b'", 1, "expected a value, found \"'b'\""),
        ("a: [1 2]", 1, "expected ',' or ']', found '2'"),
        ("a [ { b: 1 } { b: 2 } ]", 1, "expected ',' or ']', found '{'"),
        ("[a{]: 1", 1, "expected the name of an extension, found '{'"),
        ("a: 1,, b: 2", 1, "expected a field's name, found ','"),
    ],
)
def test_what_is_no_field_is_said_with_its_line(text, line, reason):
    with pytest.raises(SyntaxFault) as caught:
        read_fields(text)
    assert (caught.value.line, caught.value.reason) == (line, reason)


def test_messages_may_be_nested_so_deep_and_no_deeper():
    assert read_fields("a {" * MAX_DEPTH + "}" * MAX_DEPTH)
    with pytest.raises(SyntaxFault, match=f"messages are nested more than {MAX_DEPTH} deep"):
        read_fields("a {" * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1))
