"""Test the reason codes and their verdicts, which are written out here and never change."""

import pytest

from datacheck.model.codes import CODES
from datacheck.model.finding import found

VERDICTS = {
    "bad": """
        truncated-store damaged-store checksum unreadable crash timeout too-large empty undecodable truncated
        corrupt-image size-mismatch nan inf out-of-range shape label row-count missing mean layer malformed-prototxt
        unknown-field solver learning-rate empty-window normalisation loss math-domain weights list-line exploding
        sudden-nan saturated dead-network layer-nan aborted no-iterations
    """,
    "unverifiable": "missing-filter unknown-payload unsupported",
    "suspicious": """
        not-closed wrong-format constant half-overflow trailing-data orphan stale class-missing sorted clipping
        test-loss
    """,
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_code_has_its_verdict(verdict):
    for code in VERDICTS[verdict].split():
        assert CODES[code][0] == verdict, code
        assert found(code, "said").verdict == verdict
