"""Branch pages of an LMDB environment that another process overwrites after they were found to be sound."""

import pytest
from building import key, write_lmdb

from datacheck.backends.lmdb.lost_commit import leaves_of
from datacheck.backends.lmdb.pages import Pages
from datacheck.backends.lmdb.skeleton import Walk


@pytest.mark.parametrize("overwritten", [True, False])
def test_a_branch_page_that_now_holds_something_else_has_no_leaves(tmp_path, overwritten):
    store = write_lmdb(tmp_path / "env", [(key(number), b"v" * 100) for number in range(200)])
    with Pages(store / "data.mdb") as pages:
        tree = Walk(pages).skeleton().trees[""]
        (entry,) = tree.entries
        assert entry.kind == "branch"
        leaves = [it.page for it in leaves_of(pages, tree, entry)]
        assert len(leaves) == tree.record.leaves
        if overwritten:
            with (store / "data.mdb").open("r+b") as file:
                file.seek(leaves[0] * pages.page_size)
                leaf = file.read(pages.page_size)
                file.seek(entry.page * pages.page_size)
                file.write(leaf)
        assert [it.page for it in leaves_of(pages, tree, entry)] == ([] if overwritten else leaves)
