"""The promises of readers, decoders and engines as tests, for those who write one: here or in a package of their own.

Each is a class whose tests a test class inherits; what it says of its own is how to make one::

    from datacheck.testing.readers import ReaderContract

    class TestToyReader(ReaderContract):
        backend = "toy"

        def write(self, path):
            ...  # a sound store of `self.count` records
            return path

They need pytest, which nothing else of datacheck does; a worker that runs a job of theirs does not load it.
"""

from __future__ import annotations

import sys

if "pytest" in sys.modules:  # rewrites the asserts of the contract tests, so that failures show the values
    sys.modules["pytest"].register_assert_rewrite(
        *(f"datacheck.testing.{name}" for name in ("decoders", "engines", "readers"))
    )
