"""Test `show` of several records and of the first bad ones, saved as pictures, drawn, with keys as users write them."""

import io

import h5py
import numpy as np
import pytest
from building import datum, key, pictures, pixels, raw_records, write_lmdb
from click.testing import CliRunner
from PIL import Image
from terminal import on_terminal

import datacheck
from datacheck.cli.entry import cli
from datacheck.model.escaping import readable
from datacheck.reporting.png import png
from datacheck.scanning.scan import prepare_all
from datacheck.scanning.settings.make_settings import make
from datacheck.showing import record
from datacheck.showing.pixels import as_pixels, half_blocks, is_picture, smaller
from datacheck.showing.record import Showing


def run(*args):
    return CliRunner().invoke(cli, ["show", *map(str, args)], standalone_mode=False)


@pytest.fixture
def store(tmp_path):
    records = raw_records(60, (3, 16, 24)) | {key(7): b"", key(31): datum(pixels(31, (3, 16, 24)), 1)[:-9]}
    return write_lmdb(tmp_path / "env", records)


def test_several_records_are_shown_one_after_the_other(store):
    done = run(store, "00000003", "00000007", "00000001")
    assert done.return_value == 1
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert heads == ["00000003: datum, 1.2 kB", "00000007: datum, 0 bytes", "00000001: datum, 1.2 kB"]
    assert run(store, "00000003", "00000001").return_value == 0


def test_a_key_that_is_not_there_keeps_none_of_the_others_away(store):
    done = run(store, "00000003", "nope", "00000001")
    assert done.return_value == 2
    assert "00000001: datum" in done.stdout
    assert "has no record with the key nope" in done.stderr
    assert isinstance(run(store, "nope").exception, datacheck.RecordMissing)


def test_the_first_bad_records(store, tmp_path):
    done = run(store, "--bad", "1")
    assert done.return_value == 1
    assert "00000007: datum" in done.stdout
    assert "00000031" not in done.stdout
    both = run(store, "--bad", "9").stdout
    assert both.index("00000007: datum") < both.index("00000031: datum")
    sound = write_lmdb(tmp_path / "sound", raw_records(20))
    done = run(sound, "--bad", "3")
    assert (done.return_value, done.stdout) == (0, "no record is bad\n")
    assert run(store, "--bad", "3", "--ignore", "empty").stdout.startswith("00000031")
    for args in ([store, "00000001", "--bad", "2"], [store]):
        assert "--bad" in str(run(*args).exception)


def test_the_first_bad_records_of_a_folder_have_their_stores_names(store, tmp_path):
    write_lmdb(tmp_path / "and", raw_records(20) | {key(2): b""})
    said = run(tmp_path, "--bad", "2").stdout
    assert said.index("and:00000002: datum") < said.index("env:00000007: datum")


def test_a_name_that_only_a_found_configuration_has_keeps_nothing_away(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.datacheck]\nallow-nan = ["nowhere"]\n')
    done = run(store, "--bad", "1")
    assert "00000007: datum" in done.stdout
    assert done.stderr.count("nowhere") == 1
    (tmp_path / "pyproject.toml").unlink()
    assert "which no record has" in str(run(store, "--bad", "1", "--allow-nan", "nowhere").exception)


def test_suspicious_records_are_among_them_where_they_count(tmp_path):
    flat = {key(5): datum(np.full((3, 8, 8), 9, np.uint8), 1)}
    path = write_lmdb(tmp_path / "flat", raw_records(40) | flat)
    assert run(path, "--bad", "1").stdout == "no record is bad\n"
    assert run(path, "--bad", "1", "--strict").stdout.startswith("00000005")


def test_it_ends_as_soon_as_there_are_enough(tmp_path, monkeypatch):
    from datacheck.backends.lmdb import layout
    from datacheck.showing.first_bad import first_bad

    monkeypatch.setattr(layout, "SHARD_BYTES", 20_000)
    path = write_lmdb(tmp_path / "env", {key(n): b"" if n % 2 else datum(pixels(n), n) for n in range(4000)})
    done = []
    stores = prepare_all(path, make(workers=1))
    found, status = first_bad(path, stores, 3, lambda records, total, bad: done.append(records))
    assert (found, status) == (["00000001", "00000003", "00000005"], 1)
    assert max(done, default=0) < 4000


def test_records_of_one_store_are_shown_by_one_worker(store, monkeypatch):
    started = []
    start = record.start_engine
    monkeypatch.setattr(record, "start_engine", lambda *args: started.append(args) or start(*args))
    with Showing(str(store), make(workers=1)) as showing:
        assert [showing.record(f"{number:08}").status for number in range(5)] == [0] * 5
    assert len(started) == 1


# what is saved


def opened(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("form", ["raw", "png", "jpeg", "row", "floats", "sixteen"])
def test_the_suffix_png_makes_a_picture_of_whatever_is_one(tmp_path, form):
    values = pixels(5, (3, 16, 24))
    path, name = tmp_path / "s", "00000005"
    if form == "raw":
        write_lmdb(path, {key(n): datum(values, n) for n in range(20)})
    elif form in ("png", "jpeg"):
        file = io.BytesIO()
        Image.fromarray(values.transpose(1, 2, 0)).save(file, form, **({"quality": 95} if form == "jpeg" else {}))
        write_lmdb(path, {key(n): file.getvalue() for n in range(20)})
    else:
        path, name = tmp_path / "s.h5", "/[5]"
        with h5py.File(path, "w") as file:
            stack = np.stack([pixels(n, (3, 16, 24)) for n in range(20)])
            file["data"] = {"row": stack, "floats": stack / np.float32(255), "sixteen": stack.astype("u2") << 8}[form]
            file["label"] = np.arange(20)
    done = run(path, name, "--save", tmp_path / "a.png")
    assert done.return_value == 0, done.output
    made = opened(tmp_path / "a.png")
    assert made.shape == (16, 24, 3)
    wanted = values.transpose(1, 2, 0).astype(float)
    if form == "floats":
        wanted = (wanted - wanted.min()) * 255 / (wanted.max() - wanted.min())
        assert "float32 scaled to bytes" in done.stdout
    if form == "jpeg":
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert np.abs(made - wanted).max() <= 1


def test_a_suffix_that_is_another_formats_is_refused(tmp_path):
    jpeg = next(it for it in pictures() if it.startswith(b"\xff\xd8"))
    store = write_lmdb(tmp_path / "env", {key(n): jpeg for n in range(20)})
    assert run(store, "00000001", "--save", tmp_path / "a.jpg").return_value == 0
    assert (tmp_path / "a.jpg").read_bytes() == jpeg
    for name, hint in (("a.bmp", "ends in .jpg or .png"), ("a.webp", "ends in .jpg or .png")):
        said = run(store, "00000001", "--save", tmp_path / name)
        assert hint in str(said.exception)
        assert not (tmp_path / name).exists()


def test_an_array_that_is_no_picture_is_no_png(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(200, dtype="f4").reshape(20, 10)
        file["label"] = np.arange(20)
    said = run(path, "/[3]", "--save", tmp_path / "a.png")
    assert "an array of 10, which is not a picture; name a file that ends in .npy" in str(said.exception)
    assert not (tmp_path / "a.png").exists()


def test_several_records_are_saved_into_a_folder(store, tmp_path):
    out = tmp_path / "out"
    assert run(store, "00000003", "00000004", "00000007", "--save", out).return_value == 1
    assert sorted(it.name for it in out.iterdir()) == ["00000003.png", "00000004.png"]
    assert np.array_equal(opened(out / "00000003.png"), pixels(3, (3, 16, 24)).transpose(1, 2, 0))
    before = sorted(it.name for it in store.iterdir())
    said = run(store, "00000003", "00000004", "--save", store / "looks")
    assert "is a source" in str(said.exception) or "the source" in str(said.exception)
    assert sorted(it.name for it in store.iterdir()) == before


def test_names_of_files_are_tame_whatever_the_keys_are(tmp_path):
    names = [b"../../evil", b"a/b.png", b"a_b.png", b"A_B.png", b"\xff\x00", b"." * 300, b"-rf"]
    store = write_lmdb(
        tmp_path / "env", {it: pictures()[0] for it in names} | {key(n): pictures()[0] for n in range(9)}
    )
    out = tmp_path / "deep" / "out"
    assert run(store, *map(datacheck.escape, names[:-1]), "--save", out).return_value == 0
    made = sorted(it.name for it in out.iterdir())
    assert len(made) == len(names) - 1
    assert all(it[0] not in ".-" or it == "-rf" for it in made)
    assert len({it.lower() for it in made}) == len(made)
    assert sorted(it.name for it in tmp_path.iterdir()) == ["deep", "env"]


# what is drawn


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 16, 24), (4, 9, 9), (16, 24, 3), (20, 30)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "i8", "?"])
def test_a_png_is_what_another_reader_makes_of_it(tmp_path, shape, dtype):
    values = (np.random.default_rng(3).random(shape) * 255).astype(dtype)
    made = as_pixels(values)
    assert made.dtype == np.uint8
    read = np.asarray(Image.open(io.BytesIO(png(made))))
    assert np.array_equal(read.reshape(made.shape), made)


@pytest.mark.parametrize("values", [np.zeros((2, 5, 5)), np.zeros(9), np.zeros((3, 0, 4)), np.zeros((5, 5, 5, 3))])
def test_what_has_not_the_shape_of_a_picture_is_none(values):
    assert as_pixels(values) is None


def test_values_that_are_not_finite_are_black_and_take_nothing_from_the_others():
    made = as_pixels(np.array([[np.nan, 0.0], [1.0, np.inf]]))[:, :, 0]
    assert made.tolist() == [[0, 0], [255, 255]]
    assert as_pixels(np.full((3, 3), 7.0)).max() == 0
    assert as_pixels(np.array([[-1e308, 1e308]] * 2)).shape == (2, 2, 1)
    assert not is_picture(np.zeros((3, 64, 64), np.float32))
    assert not is_picture(np.zeros((3, 4, 4), np.uint8))


@pytest.mark.parametrize(("height", "width"), [(100, 301), (7, 9), (1, 64), (333, 5)])
def test_a_smaller_picture_is_made_of_means(height, width):
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    made = smaller(values, 64, 48)
    assert made.shape[0] <= 48
    assert made.shape[1] <= 64
    factor = max(1, -(-width // 64), -(-height // 48))
    assert np.abs(made[0, 0].astype(int) - values[:factor, :factor].mean(axis=(0, 1))).max() <= 1


def test_two_rows_of_pixels_are_a_line():
    red, blue = (255, 0, 0), (0, 0, 255)
    lines = half_blocks(np.array([[red, red], [blue, blue], [red, red]], np.uint8), true_colour=True)
    assert lines == [
        "\x1b[38;2;255;0;0;48;2;0;0;255m\u2580" * 2 + "\x1b[0m",
        "\x1b[38;2;255;0;0;49m\u2580" * 2 + "\x1b[0m",
    ]
    assert half_blocks(np.array([[red]], np.uint8), true_colour=False) == ["\x1b[38;5;196;49m\u2580\x1b[0m"]


def test_a_picture_is_drawn_where_it_is_asked_for_and_not_in_a_pipe(store, monkeypatch):
    monkeypatch.setenv("COLORTERM", "truecolor")
    plain = run(store, "00000003").stdout
    drawn = run(store, "00000003", "--picture", "always").stdout
    assert "\u2580" not in plain
    assert drawn.startswith(plain)
    lines = drawn[len(plain) :].splitlines()
    assert len(lines) == 8
    assert all(line.count("\u2580") == 24 for line in lines)
    first = pixels(3, (3, 16, 24))[:, :2, 0]
    assert lines[0].startswith("\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*first[:, 0], *first[:, 1]))


# keys


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("für/ü.jpg".encode(), "für/ü.jpg"),
        ("日本".encode(), "日本"),
        (b"plain", "plain"),
        (b"\xff", "\\xff"),
        (b"back\\slash", "back\\x5cslash"),
        (b"\x1b[31m", "\\x1b[31m"),
        ("\u202eevil".encode(), "\\xe2\\x80\\xaeevil"),
    ],
)
def test_keys_are_text_where_they_are_printable(raw, said):
    escaped = datacheck.escape(raw)
    assert readable(escaped) == said
    assert datacheck.unescape(said) == raw  # what is printed can be typed


def test_a_terminal_shows_utf8_and_a_pipe_the_escaped_key(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(20) | {"für".encode(): datum(pixels(1), 1)})
    assert run(store, "für").stdout.startswith("für: datum")
    assert run(store, r"f\xc3\xbcr").stdout.startswith(r"f\xc3\xbcr: datum")
    status, said = on_terminal("show", store, r"f\xc3\xbcr", PYTHONIOENCODING="utf-8", NO_COLOR="1")
    assert status == 0
    assert said.startswith("für: datum")
    _, said = on_terminal("show", store, r"f\xc3\xbcr", PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert said.startswith(r"f\xc3\xbcr: datum")


def test_a_terminal_that_has_colours_shows_the_picture(store):
    _, said = on_terminal("show", store, "00000003", PYTHONIOENCODING="utf-8", COLORTERM="truecolor")
    assert said.count("\u2580") == 8 * 24
    for more in ({"NO_COLOR": "1"}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}):
        assert "\u2580" not in on_terminal("show", store, "00000003", **{"PYTHONIOENCODING": "utf-8", **more})[1]
    assert "\u2580" not in on_terminal("show", store, "00000003", "--picture", "never", PYTHONIOENCODING="utf-8")[1]
