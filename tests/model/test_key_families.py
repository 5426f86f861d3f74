"""Test keys and their families."""

import pytest

from datacheck.model.blocks import Block
from datacheck.model.key_families import known_families, named_alike


@pytest.mark.parametrize(
    ("made", "names"),
    [
        ([b"%d-%05d" % (size, at) for size in (8, 16, 32) for at in range(20)], {"8-#", "16-#", "32-#"}),
        ([b"cam%d/%06d.jpg" % (at % 2, at) for at in range(40)], {"cam0/#.jpg", "cam1/#.jpg"}),
        ([b"a%d_b%d_%d" % (at % 2, at % 4 // 2, at) for at in range(64)], {f"a{a}_b{b}_#" for a in "01" for b in "01"}),
        ([b"v1-%d" % at for at in range(40)], {"v#-#"}),
        ([b"%d" % at for at in range(40)], {"#"}),
        ([b"%d_%d" % (at % 30, at) for at in range(300)], {"#_#"}),
        ([b"%d-%d" % (at % 2, at) for at in range(12)], {"#-#"}),
        ([b"%d#%d" % (at % 2, at) for at in range(40)], {"###"}),
        ([b"\xff%d-%d" % (at % 2, at) for at in range(40)], {"\\xff0-#", "\\xff1-#"}),
    ],
)
def test_numbers_of_few_values_are_part_of_the_name(made, names):
    families = named_alike(made)
    assert set(families) == names
    assert known_families(frozenset(names)).of(made) == families
    for database, prefix in ((None, ""), ("train", "train:")):
        block = Block(made, [b""] * len(made), database)
        assert block.named(range(len(made)), {prefix + it for it in names}) == [prefix + it for it in families]


def test_a_number_that_is_not_known_is_of_no_family():
    known = known_families(frozenset(("8-#", "16-#", "n")))
    assert known.of([b"8-1", b"32-1", b"16-", b"n", b"8-1-1", b"8-a"]) == ["8-#", None, None, "n", None, None]


@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_key_with_the_sign_for_a_number_among_keys_with_numbers(at):
    made = [b"%d" % number for number in range(40)]
    made[at] = b"#"
    assert named_alike(made) == ["#"] * 40
    made = [b"%d-%d" % (number % 2, number) for number in range(40)]
    made[at] = b"#-7"
    assert named_alike(made) == ["#-#"] * 40


def test_a_stray_number_does_not_keep_the_others_from_being_told_apart():
    made = [b"%d-%05d" % (at % 2, at) for at in range(60)] + [b"77-00001"]
    assert set(named_alike(made)) == {"0-#", "1-#", "77-#"}
