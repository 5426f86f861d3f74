"""Labels that come through layers of a fork, and networks of very many layers."""

import pytest

import datacheck

HEAD = 'input: "x" input_shape { dim: 4 dim: 3 }\ninput: "l" input_shape { dim: 4 }\n'
DENSE = 'layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }\n'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "s" bottom: "t" }\n'


@pytest.mark.parametrize(("kind", "codes"), [("Gather", ["layer"]), ("Python", ["loss"])])
def test_a_label_beside_what_is_learned(tmp_path, kind, codes):
    """A fork's layer may keep the gradient of its bottoms apart; BVLC's Python layer does not."""
    both = f'layer {{ name: "g" type: "{kind}" bottom: "a" bottom: "l" top: "s" top: "t" }}\n'
    (tmp_path / "net.prototxt").write_text(HEAD + DENSE + both + LOSS)
    assert [it.code for it in datacheck.lint(tmp_path / "net.prototxt").findings] == codes


def test_what_is_learned_is_worked_out_once_a_network(tmp_path, monkeypatch):
    """At every one of many losses it would take hours in a hostile file."""
    from datacheck.linting import rule_input

    asked = []
    plain = rule_input.learned_bottoms
    monkeypatch.setattr(rule_input, "learned_bottoms", lambda places: asked.append(len(places)) or plain(places))
    loss = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "l" }\n'
    (tmp_path / "net.prototxt").write_text(HEAD + DENSE + loss * 50)
    assert list(datacheck.lint(tmp_path / "net.prototxt").findings) == []
    assert asked == [51]
