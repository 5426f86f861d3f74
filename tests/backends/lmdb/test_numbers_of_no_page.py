"""Page numbers in damaged LMDB pages that are too large for any file, whatever the page size."""

import os
from types import SimpleNamespace

import pytest

from datacheck.backends.lmdb.tolerant_page import raw_page


@pytest.mark.parametrize("page_size", [4096, 1 << 15, 1 << 16])
@pytest.mark.parametrize("number", [(1 << 48) - 1, 1 << 47, 1 << 63, -1])
def test_no_page_has_such_a_number(tmp_path, page_size, number):
    (tmp_path / "data.mdb").write_bytes(b"page" * (page_size // 2))
    file = os.open(tmp_path / "data.mdb", os.O_RDONLY)
    try:
        pages = SimpleNamespace(file=file, page_size=page_size)
        assert raw_page(pages, number) == b""
        assert raw_page(pages, 1) == b"page" * (page_size // 4)
    finally:
        os.close(file)
