"""Test that a refusal names what is missing or wrong, and not something else."""

import commanding
import pytest
from building import raw_records, write_lmdb


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "store", raw_records(20))


def refusal(*words):
    done = commanding.datacheck(*words)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.splitlines()[-1]


def test_a_rebuild_without_a_target_asks_for_the_target(store):
    assert refusal("rebuild", store) == (f"Error: only one path is named, {store}; name the SOURCE and then the TARGET")


@pytest.mark.parametrize("option", [["--phase", "TRAIN"], ["--stage", "fit"], ["--root", "."]])
def test_an_option_of_networks_needs_one(store, option):
    assert refusal("scan", store, *option) == (
        "Error: --phase, --stage and --root are for networks; name a network with --net, or leave them out"
    )


def test_an_option_of_networks_is_no_reason_where_nothing_could_be_opened(tmp_path):
    assert "there is nothing at this path" in refusal("scan", tmp_path / "none", "--phase", "TRAIN")


def test_an_option_of_networks_may_stand_beside_one(store, tmp_path):
    (tmp_path / "net.prototxt").write_text(
        f'layer {{ name: "d" type: "Data" top: "x" data_param {{ source: "{store}" backend: LMDB batch_size: 2 }} }}'
    )
    done = commanding.datacheck("scan", store, tmp_path / "net.prototxt", "--phase", "TRAIN", "-j1")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scheduler", "tcp://x"], "Error: --scheduler is for Dask clusters; give --engine dask too"),
        (["--max-time", "5x"], "datacheck: the maximum time is '5x'; it must be a time as in 30m, 1h30m or 90s"),
        (["--known", "r"], "datacheck: r: only reports whose names end in .json or .jsonl can be read again"),
    ],
)
def test_an_option_is_named_as_on_the_command_line(store, words, said):
    assert refusal("scan", store, *words) == said


def test_a_name_that_is_not_utf8_is_printed_like_a_key(tmp_path):
    write_lmdb(tmp_path / "store", raw_records(20)).rename(tmp_path / "not\udcffutf8")
    done = commanding.datacheck("scan", "not\udcffutf8", "-j1", cwd=tmp_path)
    assert done.stdout.startswith("not\\xffutf8: LMDB of Datum")


def test_an_empty_value_is_called_empty(tmp_path):
    store = write_lmdb(tmp_path / "store", raw_records(20) | {b"mean": b""})
    assert commanding.datacheck("show", store, "mean").stdout.startswith("mean: an empty value, 0 bytes\n  empty (bad)")


@pytest.mark.parametrize("option", ["--check", "--skip"])
def test_a_code_in_the_place_of_a_check_is_told_from_a_misspelt_one(store, option):
    said = refusal("scan", store, option, "nan")
    assert said.startswith(
        "datacheck: no check is called 'nan', which is a code; 'ignore' takes codes; there are finite,"
    )
    assert "which is a code" not in refusal("scan", store, option, "nann")


def test_a_check_in_the_place_of_a_code_is_told_from_a_misspelt_one(store):
    said = refusal("scan", store, "--ignore", "finite")
    assert said.startswith("datacheck: no code is called 'finite', which is a check; 'skip' takes checks; there are ")
    assert "which is a check" not in refusal("scan", store, "--ignore", "finit")


@pytest.mark.parametrize(("name", "topic"), [("finite", "checks"), ("picture", "decoders"), ("ocr", "conventions")])
def test_explain_names_the_list_that_has_a_name(name, topic):
    assert (
        refusal("explain", name) == f"datacheck: unknown code {name!r}; it is in the list of datacheck explain {topic}"
    )


@pytest.mark.parametrize(("key", "meant"), [("lables", "labels"), ("max_bad", "max-bad"), ("drop_bad", "drop-bad")])
def test_a_misspelt_key_of_a_configuration_names_the_nearest_one(store, tmp_path, key, meant):
    (tmp_path / "c.toml").write_text(f"{key} = 4\n")
    said = refusal("scan", store, "--config", tmp_path / "c.toml")
    assert said.endswith(f"c.toml: '{key}' is not an option of datacheck scan; did you mean '{meant}'?")
