"""Test that the depth of JPEG checks is chosen once for a store and is the same for all workers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from building import key, write_lmdb
from click.testing import CliRunner
from jpeg_building import EOB, ac, dc, sequential
from PIL import Image

import datacheck
from datacheck.cli.entry import cli
from datacheck.decoders.pictures import eyes
from datacheck.errors import EyesFailed
from datacheck.model.blocks import Layout
from datacheck.model.profile import FamilyProfile, FieldProfile, Profile
from datacheck.model.settings import Settings
from datacheck.scanning import choosing_eyes, tasks
from datacheck.scanning.choosing_eyes import MANY, MANY_BYTES, wanted_eyes
from datacheck.workers.interface import Watch

needs_numba = pytest.mark.skipif(not eyes.installed(), reason="numba is not installed: JPEGs are not walked")
BROKEN = sequential([[dc(40), ac(0, 9), EOB]] * 3 + [[dc(9), *[ac(15, 1)] * 4]])
"""A broken JPEG that no decoder objects to."""
SOUND = sequential([[dc(it), ac(0, 9), EOB] for it in (40, -30, 20, 5)])


def store(path: Path, count: int = 40, broken: int | None = 7) -> Path:
    return write_lmdb(path, {key(it): BROKEN if it == broken else SOUND for it in range(count)})


def family(decoder: str = "picture", **formats: str) -> FamilyProfile:
    fields = {name: FieldProfile((3, 8, 8), "uint8", it, 1.0) for name, it in formats.items()}
    return FamilyProfile(decoder, 16, fields)


def layout(records: int | None, size: int | None = None) -> Layout:
    return Layout(shards=[], probes=[], records=records, size=size)


JPEGS = Profile({"#": family(data="JPEG")})


@pytest.mark.parametrize(
    ("there", "profile", "settings", "wanted"),
    [
        (layout(MANY), JPEGS, Settings(), "walker"),
        (layout(MANY - 1), JPEGS, Settings(), "decoder"),
        (layout(None, size=MANY_BYTES), JPEGS, Settings(), "walker"),
        (layout(None, size=MANY_BYTES - 1), JPEGS, Settings(), "decoder"),
        (layout(None), JPEGS, Settings(), "decoder"),
        (layout(MANY), Profile({"#": family(data="PNG")}), Settings(), None),
        (layout(MANY), Profile({"#": family("pickle", image="JPEG CMYK", mask="PNG")}), Settings(), "walker"),
        (layout(MANY), Profile(rest=family(data="JPEG")), Settings(), "walker"),
        (
            layout(MANY),
            Profile({"t": FamilyProfile("rows", 9, columns={"img": family(data="JPEG")})}),
            Settings(),
            "walker",
        ),
        (layout(3), JPEGS, Settings(strict_pictures=True), "strict"),
    ],
)
def test_the_choice_is_a_function_of_the_store(monkeypatch, there, profile, settings, wanted):
    monkeypatch.setattr(eyes, "installed", lambda: True)
    assert wanted_eyes(settings, there, profile) == wanted
    monkeypatch.setattr(eyes, "installed", lambda: False)
    assert wanted_eyes(settings, there, profile) == {"walker": "decoder"}.get(wanted, wanted)


def test_a_small_store_is_looked_at_by_the_decoder_and_the_report_says_so(tmp_path):
    report = datacheck.scan(store(tmp_path / "s"), workers=1, reports=[tmp_path / "report.json"])
    assert report.clean
    assert json.loads((tmp_path / "report.json").read_text())["settings"]["eyes"] == "decoder"
    array = write_lmdb(tmp_path / "a", {key(it): bytes(range(48)) for it in range(9)})
    assert datacheck.scan(array, array="u1:3,4,4", workers=1).settings.eyes is None


@needs_numba
@pytest.mark.parametrize("workers", [1, 2])
def test_strict_pictures_are_walked_and_show_and_rebuild_look_like_that(tmp_path, workers):
    source = store(tmp_path / "s")
    report = datacheck.scan(source, strict_pictures=True, workers=workers)
    assert [*report.bad_keys()] == ["00000007"]
    assert report.settings.eyes == "strict"
    run = CliRunner().invoke
    shown = run(cli, ["show", str(source), "00000007", "--strict-pictures"], standalone_mode=False)
    assert shown.return_value == 1
    assert "a run of zeros that leads past the end of its block, in MCU row 1 of 1" in shown.output
    assert run(cli, ["show", str(source), "00000007"], standalone_mode=False).return_value == 0
    copy = tmp_path / "copy"
    receipt = datacheck.rebuild(source, copy, drop_bad=True, strict_pictures=True, workers=workers)
    assert receipt.target.records == 39
    assert datacheck.scan(copy, strict_pictures=True, workers=workers).clean


@needs_numba
@pytest.mark.parametrize("workers", [1, 2])
def test_a_large_store_is_walked_unasked_and_show_agrees(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(choosing_eyes, "MANY", 40)
    source = store(tmp_path / "s")
    report = datacheck.scan(source, workers=workers)
    assert (report.settings.eyes, [*report.bad_keys()]) == ("walker", ["00000007"])
    shown = CliRunner().invoke(cli, ["show", str(source), "00000007"], standalone_mode=False)
    assert shown.return_value == 1
    assert "in MCU row 1 of 1" in shown.output
    assert datacheck.scan(store(tmp_path / "t", 39), workers=workers).settings.eyes == "decoder"


@needs_numba
def test_show_says_where_the_damage_is_that_a_decoder_noticed(tmp_path):
    rows = [[dc(40), ac(0, 9), EOB]] * 4
    value = sequential(rows).replace(b"\xff\xd9", b"\x12" * 40 + b"\xff\xd9")
    source = write_lmdb(tmp_path / "s", {key(it): value if it == 3 else SOUND for it in range(20)})
    shown = CliRunner().invoke(cli, ["show", str(source), "00000003"], standalone_mode=False)
    assert shown.return_value == 1
    assert "corrupt-image (bad): data: JPEG: Corrupt JPEG data: " in shown.output
    assert "\n  the damage shows from MCU row 1 of 1 on\n" in shown.output


@needs_numba
def test_a_closer_look_is_said_in_the_summary(tmp_path):
    source = store(tmp_path / "s", broken=None)
    said = [str(datacheck.scan(source, workers=1, strict_pictures=it)) for it in (False, True)]
    assert "walked" not in said[0]
    assert "\nthe Huffman data of JPEGs was walked, too, for what is odd in it as well\n" in said[1]


@needs_numba
def test_statistics_of_pixels_change_nothing_of_what_is_found(tmp_path):
    source = store(tmp_path / "s")
    found = [
        [it.message for it in datacheck.scan(source, strict_pictures=True, workers=1, stats=stats).findings]
        for stats in (False, True)
    ]
    assert found[0] == found[1] != []


def broken_numba(folder: Path) -> Path:
    """Return a folder with an installed numba that cannot be loaded, as with a NumPy that is too new for it."""
    (folder / "numba").mkdir(parents=True)
    (folder / "numba" / "__init__.py").write_text('raise ImportError("Numba needs NumPy 1.26 or less")\n')
    return folder


def test_a_numba_that_cannot_be_loaded_leaves_the_decoder_unless_a_strict_look_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing_eyes, "MANY", 40)
    monkeypatch.setattr(eyes, "installed", lambda: True)
    monkeypatch.syspath_prepend(broken_numba(tmp_path / "lib"))
    source = store(tmp_path / "s")
    report = datacheck.scan(source, workers=1)
    assert (report.settings.eyes, report.clean) == ("decoder", True)
    said = "the Huffman data of JPEGs was not walked, only decoded: numba cannot be used (ImportError: "
    assert f"\n{said}" in str(report)
    report.save(tmp_path / "page.html")
    assert said in (tmp_path / "page.html").read_text()
    with pytest.raises(
        EyesFailed, match=r"cannot walk JPEGs .* numba cannot be used .*Numba needs NumPy 1\.26 or less"
    ):
        datacheck.scan(source, strict_pictures=True, workers=1)


def test_without_numba_a_strict_look_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(eyes, "installed", lambda: False)
    with pytest.raises(datacheck.UsageError, match=r"need numba: pip install 'datacheck-ml\[strict\]'"):
        datacheck.scan("anywhere", strict_pictures=True)


class Pad:
    def leave(self, value: object) -> None:
        """Ignore the note."""


@pytest.mark.parametrize("task", [tasks.Check(None, Profile(), eyes="walker")])
def test_a_worker_that_cannot_walk_ends_the_run(monkeypatch, task):
    def fail(wanted, source):
        raise EyesFailed("it needs numba")

    class Nowhere:
        path = Path("nowhere")

    monkeypatch.setattr(eyes, "prepare", fail)
    watch = Watch(Pad())
    try:
        with pytest.raises(EyesFailed, match="a worker cannot walk JPEGs as the others do: it needs numba"):
            tasks.Job(Nowhere(), Settings())(task, watch)
    finally:
        watch.rest()


def test_a_small_scan_and_the_help_load_no_numba(tmp_path):
    source = store(tmp_path / "s")
    code = (
        "import sys; import datacheck.decoders.pictures.jpeg as it\n"
        "from datacheck.scanning import tasks, choosing_eyes, samples, looks\n"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    fake = broken_numba(tmp_path / "lib")
    env = {**os.environ, "PYTHONPATH": str(fake)}
    done = subprocess.run([sys.executable, "-m", "datacheck", "scan", source], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def contents(folder: Path) -> dict[str, str]:
    return {
        str(it.relative_to(folder)): hashlib.sha256(it.read_bytes()).hexdigest() if it.is_file() else "folder"
        for it in folder.rglob("*")
    }


@needs_numba
def test_nothing_that_is_compiled_is_kept_within_the_source(tmp_path):
    source = store(tmp_path / "s")
    before = contents(source)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(source / "cache")}
    command = [sys.executable, "-m", "datacheck", "scan", source, "--strict-pictures", "--no-progress"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert contents(source) == before


KEPT = """
import sys
sys.path.insert(0, {folder!r})
import module
assert module.double(21) == 42
print(module.double.stats.cache_path if hasattr(module.double, "stats") else "")
"""


@needs_numba
def test_where_the_package_cannot_be_written_the_users_cache_is_and_where_neither_can_nothing_is_kept(tmp_path):
    folder, cache = tmp_path / "installed", tmp_path / "cache"
    folder.mkdir()
    (folder / "__pycache__").write_text("no folder, so that nothing can be put into it")
    said = (
        "from datacheck.decoders.pictures.compiled import compiled\n\n\n@compiled\ndef double(x):\n    return 2 * x\n"
    )
    (folder / "module.py").write_text(said)
    env = {name: it for name, it in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", KEPT.format(folder=str(folder))]

    def run(**more: str) -> str:
        done = subprocess.run(command, env={**env, **more}, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    kept = run(HOME=str(tmp_path), XDG_CACHE_HOME=str(cache))
    assert Path(kept).is_relative_to(cache)
    assert [*Path(kept).glob("*.nbi")]
    (tmp_path / "file").write_text("")
    assert not run(HOME=str(tmp_path / "file"), XDG_CACHE_HOME=str(tmp_path / "file")).startswith(str(tmp_path))


@needs_numba
def test_the_page_marks_the_rows_of_the_damage(tmp_path, monkeypatch):
    pixels = np.random.default_rng(3).integers(60, 200, (8, 8, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((64, 128))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, subsampling=0, restart_marker_rows=1)
    value = bytearray(out.getvalue())
    at = value.index(b"\xff\xd4")
    value[at - 8 : at] = b"\xff\0" * 4
    good = out.getvalue()
    source = write_lmdb(tmp_path / "s", {key(it): bytes(value) if it == 3 else good for it in range(20)})
    page = tmp_path / "page.html"
    report = datacheck.scan(source, strict_pictures=True, workers=1, reports=[page])
    [sample] = [it for it in report.samples if it.finding.code == "corrupt-image"]
    assert sample.bad.damaged == ((0.0, 4 / 16, 1.0, 1 / 16),)
