"""Test that no command changes anything but the outputs that it names, and never a source."""

import os
import random

import pytest
from trees import KINDS, run, store, tree

COMMANDS = 14


@pytest.fixture
def world(tmp_path):
    """Make stores of every kind among links, pipes and foreign files; return the paths to scan."""
    sources = []
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        sources.append(store(kind, tmp_path / kind))
    (tmp_path / "home").mkdir()
    for name in ("thesis.txt", "notes.json", "table.csv"):
        (tmp_path / "home" / name).write_text("mine")
    (tmp_path / "way").symlink_to("home")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling.json").symlink_to("home/none.json")
    (tmp_path / "soft.json").symlink_to("home/notes.json")
    (tmp_path / "soft.csv").symlink_to(sources[3])
    (tmp_path / "to_env").symlink_to(sources[0])
    os.link(sources[3], tmp_path / "hard.json")
    os.link(sources[0] / "data.mdb", tmp_path / "home" / "hard.csv")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / ".t.datacheck-partial").symlink_to("home")
    return sources


def somewhere(dice, root, sources, suffixes):
    """Return a random path, existing or new, in any of the folders or behind a link."""
    folders = [root, root / "home", root / "way", root / "to_env", root / "none", *(it.parent for it in sources)]
    folder = dice.choice([*folders, *sources])
    there = [it.name for it in folder.iterdir()] if folder.is_dir() else []
    suffix = dice.choice(suffixes)
    return folder / dice.choice([f"new{suffix}", f"t{suffix}", *(it for it in there if it.endswith(suffix))])


def asked(dice, root, sources):
    """Return a random command, and the outputs that it names."""
    source = dice.choice([*sources, root / "to_env", root / "soft.csv", root / "home", root / "none", root / "loop"])
    what = dice.choice(["scan", "scan", "rebuild", "rebuild", "show"])
    if what == "scan":
        outputs = [somewhere(dice, root, sources, [".json", ".jsonl", ".csv"]) for _ in range(dice.choice([1, 1, 2]))]
        return ["scan", source, *(word for it in outputs for word in ("--report", it))], outputs
    if what == "show":
        output = somewhere(dice, root, sources, [".npy", ".json", ""])
        return ["show", source, dice.choice(["00000003", "/[3]", "none"]), "--save", output], [output]
    target = dice.choice([*sources, *(somewhere(dice, root, sources, ["", ".h5", ".mdb"]) for _ in range(6))])
    words, outputs = ["rebuild", source, target, "--drop-bad"], [target]
    for option, suffixes in (("--quarantine", [""]), ("--report", [".json"])):
        if dice.random() < 0.4:
            outputs.append(somewhere(dice, root, sources, suffixes))
            words += [option, outputs[-1]]
    return words + dice.choice([[], ["--force"], ["--force"], ["--dry-run"]]), outputs


@pytest.mark.parametrize("seed", range(4))
def test_random_commands_change_nothing_but_what_they_name(world, tmp_path, seed):
    dice = random.Random(seed)
    precious = [it.parent for it in world]
    statuses = set()
    for _ in range(COMMANDS):
        words, outputs = asked(dice, tmp_path, world)
        places = [it.parent.resolve() / it.name for it in outputs if it.parent.is_dir()]
        held = [tree(it, [place for place in places if it in place.parents]) for it in precious]
        before, whole = tree(tmp_path, places), tree(tmp_path, [it.parent / "none" for it in places])
        status, _, complaint = run(*words)
        statuses.add(status)
        assert "Traceback" not in complaint
        assert tree(tmp_path, places) == before, words
        if status == 2 and len(outputs) == 1:
            assert tree(tmp_path, [it.parent / "none" for it in places]) == whole, words
        assert [tree(it, [place for place in places if it in place.parents]) for it in precious] == held, words
        for source in world:
            assert os.path.lexists(source), words
    assert len(statuses) > 1
