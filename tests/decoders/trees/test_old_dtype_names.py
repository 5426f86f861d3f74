"""Names of dtypes that NumPy warns of."""

import warnings

from datacheck.decoders.trees.storages import numeric_dtype


def test_old_names_of_texts_are_no_numeric_dtypes_and_print_nothing():
    with warnings.catch_warnings(action="error"):
        numeric_dtype.cache_clear()
        assert [numeric_dtype(it) for it in ("a", "a5", "f4,a2")] == [None, None, None]
        assert numeric_dtype("<f4") == "float32"
