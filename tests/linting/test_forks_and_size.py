"""Test labels and volumes in the layers of forks, and networks of very many layers or axes."""

import pytest

import datacheck

HEAD = 'input: "x" input_shape { dim: 4 dim: 3 }\ninput: "l" input_shape { dim: 4 }\n'
DENSE = 'layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }\n'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "s" bottom: "t" }\n'


@pytest.mark.parametrize(("kind", "codes"), [("Gather", ["layer"]), ("Python", ["loss"])])
def test_a_label_beside_what_is_learned(tmp_path, kind, codes):
    """A fork's layer may keep the gradients of its bottoms apart; BVLC's Python layer does not."""
    both = f'layer {{ name: "g" type: "{kind}" bottom: "a" bottom: "l" top: "s" top: "t" }}\n'
    (tmp_path / "net.prototxt").write_text(HEAD + DENSE + both + LOSS)
    assert [it.code for it in datacheck.lint(tmp_path / "net.prototxt").findings] == codes


def test_what_is_learned_is_worked_out_once_a_network(tmp_path, monkeypatch):
    """Computed for each of many losses, it would take hours in a hostile file."""
    from datacheck.linting import rule_input

    asked = []
    plain = rule_input.refused_gradients
    monkeypatch.setattr(
        rule_input, "refused_gradients", lambda places, **how: asked.append(len(places)) or plain(places, **how)
    )
    loss = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "l" }\n'
    (tmp_path / "net.prototxt").write_text(HEAD + DENSE + loss * 50)
    assert list(datacheck.lint(tmp_path / "net.prototxt").findings) == []
    assert len(asked) == 1


@pytest.mark.parametrize(("axes", "verdicts"), [(1, ["bad"]), (4, []), (5, ["bad"])])
def test_prelu_of_volumes_which_one_fork_has(tmp_path, axes, verdicts):
    net = f'input: "x" input_shape {{ {"dim: 2 " * axes} }}\nlayer {{ name: "p" type: "PReLU" bottom: "x" top: "p" }}\n'
    (tmp_path / "net.prototxt").write_text(net)
    assert [it.verdict for it in datacheck.lint(tmp_path / "net.prototxt").findings] == verdicts
    intel = datacheck.lint(tmp_path / "net.prototxt", forks=["Intel"]).findings
    assert [it.verdict for it in intel] == (verdicts if axes < 4 else [])


def test_a_shape_of_very_many_axes_is_not_spelled_out(tmp_path):
    shape = f"reshape_param {{ shape {{ {'dim: 1 ' * 50000} }} }}"
    net = f'{HEAD}layer {{ name: "r" type: "Reshape" bottom: "x" top: "r" {shape} }}\n'
    (tmp_path / "net.prototxt").write_text(net)
    (found,) = datacheck.lint(tmp_path / "net.prototxt").findings
    assert len(found.message) < 300
