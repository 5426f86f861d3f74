"""Tables of the lint rules; to add a rule, write it beside similar ones and add a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datacheck.caffe.prototxt import Prototxt
from datacheck.linting import layer_rules, learning_rules, loss_rules, math_rules, parameter_rules, wiring_rules
from datacheck.linting.field_rules import first_generation, unknown_fields
from datacheck.linting.rule_input import LayerCase, Problem
from datacheck.linting.solver_rules import SOLVER_RULES

FileRule = Callable[[Prototxt], Iterator[Problem]]
LayerRule = Callable[[LayerCase], Iterator[Problem]]

FILE_RULES: dict[str, FileRule] = {"fields": unknown_fields, "generation": first_generation}
LAYER_RULES: dict[str, LayerRule] = {
    "layer-type": wiring_rules.layer_type,
    "blobs": wiring_rules.blobs,
    "counts": wiring_rules.counts,
    "shapes": wiring_rules.shapes,
    "parameters": wiring_rules.strange_parameters,
    "param": parameter_rules.count,
    "shared-param": parameter_rules.shared,
    "blob-fillers": parameter_rules.blobs_can_be_filled,
    "gradient": parameter_rules.no_gradient_where_none_is_accepted,
    "source": layer_rules.source,
    "transformation": layer_rules.transformation,
    "empty-windows": layer_rules.empty_windows,
    "batch-norm": layer_rules.batch_norm,
    "normalisation": layer_rules.other_normalisation,
    "constants": layer_rules.finite_constants,
    "fillers": layer_rules.fillers,
    "factors": layer_rules.learning_factors,
    "log": math_rules.logarithm,
    "power": math_rules.power,
    "exp": math_rules.exponential,
    "dropout": math_rules.dropout,
    "loss-weights": loss_rules.loss_weights,
    "infogain": loss_rules.infogain,
    "labels": loss_rules.label_range,
    "zero-weights": learning_rules.no_filler,
    "no-loss": learning_rules.no_loss,
    "frozen": learning_rules.all_frozen,
    "scores": learning_rules.scores,
}
"""The rules on layers by name; the first line of a rule's docstring states what it requires."""


def manual() -> list[tuple[str, str]]:
    """Return the name of every rule and the first line of its docstring."""
    rules = {**FILE_RULES, **SOLVER_RULES, **LAYER_RULES}
    return [(name, (rule.__doc__ or "").splitlines()[0]) for name, rule in rules.items()]
