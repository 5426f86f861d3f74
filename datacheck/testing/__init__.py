"""Contract tests for authors of readers, decoders and engines, in datacheck or in a package of their own.

Each contract is a class whose tests a test class inherits; the test class only defines how to make what is tested::

    from datacheck.testing.readers import ReaderContract

    class TestToyReader(ReaderContract):
        backend = "toy"

        def write(self, path):
            ...  # a sound store of `self.count` records
            return path

They need pytest, which nothing else in datacheck needs; a worker that runs a job of theirs does not import it.
"""

from __future__ import annotations

import sys

if "pytest" in sys.modules:  # rewrites the asserts of the contract tests, so that failures show the values
    sys.modules["pytest"].register_assert_rewrite(
        *(f"datacheck.testing.{name}" for name in ("decoders", "engines", "readers"))
    )
