"""Test the comfort of the command: help, short options, colours, widths, hints, completion and the manual page."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import commanding
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner
from terminal import COMMAND, on_terminal, typed

import datacheck
from datacheck.cli import help as helping
from datacheck.cli.entry import cli
from datacheck.cli.manual import page, roff
from datacheck.cli.output import coloured, in_colour
from datacheck.files.near import nearest_path

ROOT = Path(__file__).parents[2]
NAMES = sorted(cli.commands)
SCREEN = 50
"""Lines of the terminal window of somebody at work."""


def run(*args, **options):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False, prog_name="datacheck", **options)


@pytest.fixture
def store(tmp_path):
    records = raw_records(60) | {key(7): b"", key(31): datum(pixels(31), 1)[:-9]}
    return write_lmdb(tmp_path / "env", records)


# help


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_fits_two_screens(name, width):
    lines = run(name, "--help", terminal_width=width, max_content_width=width).output.splitlines()
    assert len(lines) <= 2 * SCREEN
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("name", NAMES)
def test_the_lists_that_a_help_names_can_be_explained(name):
    command = cli.commands[name]
    topics = getattr(command, "topics", ())
    said = run(name, "--help", terminal_width=100).output
    assert ("For lists of names: datacheck explain " + "|".join(topics) in said) == bool(topics)
    for topic in topics:
        listed = run("explain", topic).output
        rows = helping.TOPICS[topic]()
        assert rows
        assert all(re.search(rf"^{re.escape(it)} +\S", listed, re.MULTILINE) for it, _ in rows)


def test_the_help_of_the_program_fits_one_screen():
    said = run("--help").output
    assert len(said.splitlines()) <= SCREEN
    commands = [it for names in helping.SECTIONS.values() for it in names]
    assert sorted(commands) == NAMES
    assert [it for it in re.findall(r"^  (\w+)  +\w", said, re.MULTILINE) if it in NAMES] == commands
    assert "\nExamples:\n" in said


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_in_the_help_once_and_in_a_group(name):
    command = cli.commands[name]
    options = run(name, "--help", terminal_width=100).output.split("Examples:")[0]
    known = {it for names in helping.GROUPS.values() for it in names}
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.name in known, f"{param.opts} is in no group of the help"
            spelled = ", ".join(sorted(param.opts, key=len))
            assert len(re.findall(rf"^  {re.escape(spelled)}(?=[ \n])", options, re.MULTILINE)) == 1


@pytest.mark.parametrize("words", [words for examples in helping.EXAMPLES.values() for words, _ in examples])
def test_every_example_is_a_command_that_there_is(words):
    name, *args = shlex.split(words)
    command = cli.commands[name]
    with click.Context(command, info_name=name, **cli.context_settings) as ctx:
        command.make_parser(ctx).parse_args(list(args))
        for param in command.params:  # a value that is not among the choices would be refused
            given = [args[at + 1] for at, it in enumerate(args[:-1]) if it in param.opts]
            if isinstance(param, click.Option) and not param.is_flag and given:
                param.process_value(ctx, tuple(given) if param.multiple else given[0])


def test_short_options_are_those_that_everybody_knows(store, tmp_path):
    done = run("scan", "-j", "1", "-o", tmp_path / "a.json", "-q", store)
    assert done.return_value == 1
    assert datacheck.load_report(tmp_path / "a.json").settings.workers == 1
    assert run("-V").output == run("--version").output == f"datacheck {datacheck.__version__}\n"


# bad records as they come


def test_bad_records_are_named_as_they_come_beside_the_result(store):
    done = subprocess.run([COMMAND, "scan", "-v", store], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[0] == "empty: 00000007: the value has zero bytes"
    assert done.stderr.splitlines()[1].startswith("truncated: 00000031: data: ")
    assert "00000007" in done.stdout
    quiet = subprocess.run([COMMAND, "scan", store], capture_output=True, text=True, check=False)
    assert quiet.stderr == ""


def test_the_bar_is_cleared_and_the_names_stay(store):
    status, said = on_terminal("scan", "-v", store)
    assert status == 1
    assert "empty: 00000007: the value has zero bytes" in said
    assert "records/s" in said
    last = said.split("\r")[-1]
    assert "NOT CLEAN" in last
    assert "%|" not in last


# colour and width


def test_the_verdict_is_in_colour_on_a_terminal(store):
    _, said = on_terminal("scan", "--no-progress", store)
    assert "\x1b[31m\x1b[1mNOT CLEAN\x1b[0m: 2 bad" in said
    assert "\x1b[31m  empty (bad)\x1b[0m: 1" in said
    _, plain = on_terminal("scan", "--no-progress", store, NO_COLOR="1")
    assert "\x1b" not in plain
    _, dumb = on_terminal("scan", "--no-progress", store, TERM="dumb")
    assert "\x1b" not in dumb


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_pipe_has_colours_only_where_that_is_forced(monkeypatch, environment, wanted):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert in_colour() == wanted


def test_no_key_and_no_path_passes_for_a_verdict(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = "clean: LMDB, 3 records\nUNDECIDED: 1 unverifiable\n  nan (bad): 3\n    clean: x\n    nan (bad): y"
    assert coloured(text) == (
        "clean: LMDB, 3 records\n\x1b[35m\x1b[1mUNDECIDED\x1b[0m: 1 unverifiable\n"
        "\x1b[31m  nan (bad)\x1b[0m: 3\n    clean: x\n    nan (bad): y"
    )


def test_lines_are_as_wide_as_the_terminal_and_whole_in_a_pipe(tmp_path):
    long = b"k" * 200
    store = write_lmdb(tmp_path / "env", raw_records(20) | {long: b""})
    _, said = on_terminal("scan", "--no-progress", store, columns=80)
    (line,) = [it for it in said.splitlines() if it.startswith("    k")]
    assert len(line) == 80
    assert line.endswith("...")
    piped = run("scan", store).stdout
    assert f"    {'k' * 200}  the value has zero bytes\n" in piped
    assert str(datacheck.scan(store, workers=1)).splitlines()[1:] == piped.splitlines()[1:4]


# hints


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["scan", "{store}", "--check", "finit"], "did you mean 'finite'?"),
        (["scan", "{store}", "--ignore", "emty"], "did you mean 'empty'?"),
        (["scan", "{store}", "--decoder", "datom"], "did you mean 'datum'?"),
        (["scan", "{store}", "--convention", "orc"], "did you mean 'ocr'?"),
        (["scan", "{store}", "--backend", "lmbd"], "did you mean 'lmdb'?"),
        (["scan", "{store}", "--range", "dta=0:1"], "did you mean 'data'?"),
        (["show", "{store}", "00000007", "--field", "lable"], "there are none"),
        (["show", "{store}", "00000008", "--field", "lable"], "did you mean 'label'?"),
        (["rebuild", "{store}", "{store}2", "--drop", "truncted"], "did you mean 'truncated'?"),
        (["explain", "nann"], "did you mean 'nan'?"),
        (["scan", "{store}x"], "there is nothing at this path; did you mean {store}?"),
        (["lint", "{store}x"], "there is nothing at this path; did you mean {store}?"),
        (["log", "{store}x"], "there is nothing at this path; did you mean {store}?"),
        (["scna", "{store}"], "Did you mean 'scan'?"),
        (["scan", "{store}", "--lables", "3"], "--labels"),
    ],
)
def test_what_is_misspelled_is_answered_with_what_may_be_meant(store, args, hint):
    done = commanding.datacheck(*(it.format(store=store) for it in args))
    if "none" in hint:
        assert done.returncode == 1
        return
    assert done.returncode == 2
    assert hint.format(store=store) in done.stderr


def test_a_name_that_is_like_no_other_has_no_hint(tmp_path):
    (tmp_path / "train_lmdb").mkdir()
    assert nearest_path(tmp_path / "train_lmbd") == str(tmp_path / "train_lmdb")
    assert nearest_path(tmp_path / "zzz") is None
    assert nearest_path(tmp_path / "no" / "train_lmdb") is None
    assert nearest_path("a\0b") is None


# completion


def completed(words, folder):
    """Return what a real bash offers as completions of the last word."""
    script = (
        'eval "$(_DATACHECK_COMPLETE=bash_source datacheck)"\n'
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n'
        'compopt() { echo "compopt $*"; }\n'
        "_datacheck_completion datacheck\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    environment = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script, "bash", "datacheck", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sc"], ["scan"]),
        (["scan", "--lab"], ["--labels", "--label-field"]),
        (["scan", "--check", "ha"], ["half-overflow"]),
        (["scan", "--ignore", "trunc"], ["truncated-store", "truncated"]),
        (["scan", "--decoder", "np"], ["npy", "npz"]),
        (["scan", "--convention", "oc"], ["ocr"]),
        (["scan", "--backend", "h"], ["hdf5"]),
        (["scan", "--format", "git"], ["github"]),
        (["rebuild", "--to", "l"], ["lmdb", "leveldb"]),
        (["rebuild", "--drop", "susp"], ["suspicious"]),
        (["explain", "na"], ["nan"]),
        (["lint", "--fork", "NV"], ["NVIDIA"]),
    ],
)
def test_a_shell_completes_commands_options_and_choices(tmp_path, words, offered):
    assert sorted(completed(words, tmp_path)) == sorted(offered)


FILES = [
    *(["scan", "tr"], ["show", "tr"], ["rebuild", "tr"], ["info", "tr"], ["lint", "tr"], ["log", "tr"]),
    *(["scan", "--report", "tr"], ["scan", "--net", "tr"]),
]


@pytest.mark.parametrize("words", FILES)
def test_a_shell_completes_files_itself(tmp_path, words):
    said = completed(words, tmp_path)
    assert "compopt" in said
    assert said[said.index("compopt") + 1 :][:2] == ["-o", "default"]


def test_completion_for_the_other_shells():
    """Zsh and fish themselves are tried if they are installed."""
    page_of = (ROOT / "docs" / "commands.md").read_text()
    for shell in ("bash", "zsh", "fish"):
        line = f"_DATACHECK_COMPLETE={shell}_source datacheck"
        assert line in page_of
        environment = {**os.environ, "_DATACHECK_COMPLETE": f"{shell}_source"}
        done = subprocess.run([COMMAND], capture_output=True, text=True, check=False, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert "_DATACHECK_COMPLETE" in done.stdout
        if shutil.which(shell):
            checked = subprocess.run(
                [shell, "-n", "/dev/stdin"], input=done.stdout, text=True, check=False, capture_output=True
            )
            assert checked.returncode == 0, checked.stderr
    for shell, word in (("zsh", "2"), ("fish", "na")):
        asked = {
            "_DATACHECK_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": "datacheck explain na",
            "COMP_CWORD": word,
        }
        done = subprocess.run([COMMAND], capture_output=True, text=True, check=False, env={**os.environ, **asked})
        assert re.search(r"\bnan\b", done.stdout), done.stdout + done.stderr


ZSHRC = """
autoload -Uz compinit
compinit -u -D
PS1='> '
eval "$(_DATACHECK_COMPLETE=zsh_source datacheck)"
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed here")
@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("datacheck expl\t", "explain"),
        ("datacheck explain trailing\t", "trailing-data"),
        ("datacheck scan --ignore half\t", "half-overflow"),
        ("datacheck scan meas\t", "measurements.h5"),
    ],
)
def test_a_real_zsh_completes(tmp_path, keys, wanted):
    (tmp_path / "measurements.h5").write_bytes(b"")
    (tmp_path / ".zshrc").write_text(ZSHRC)
    environment = {**os.environ, "ZDOTDIR": str(tmp_path), "TERM": "xterm"}
    environment["PATH"] = f"{COMMAND.parent}:{os.environ['PATH']}"
    assert wanted in typed(["zsh", "-i"], keys, environment, tmp_path, wanted)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed here")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("datacheck expl", ["explain"]),
        ("datacheck explain trailing", ["trailing-data"]),
        ("datacheck scan --ignore half", ["half-overflow"]),
        ("datacheck scan --lab", ["--label-field", "--labels"]),
        ("datacheck scan meas", ["measurements.h5"]),
        ("datacheck scan --report meas", ["measurements.h5"]),
    ],
)
def test_a_real_fish_completes(tmp_path, line, wanted):
    (tmp_path / "measurements.h5").write_bytes(b"")
    folder = tmp_path / ".config/fish/completions"
    folder.mkdir(parents=True)
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    environment.pop("XDG_CONFIG_HOME", None)
    source = {**environment, "_DATACHECK_COMPLETE": "fish_source"}
    (folder / "datacheck.fish").write_bytes(
        subprocess.run([COMMAND], capture_output=True, check=False, env=source).stdout
    )
    asking = ["fish", "-c", f"complete -C '{line}'"]
    done = subprocess.run(asking, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert sorted(it.split("\t")[0] for it in done.stdout.splitlines()) == wanted


def test_what_a_shell_shows_of_an_option_has_the_names_in_it():
    option = next(it for it in cli.commands["scan"].params if it.name == "checks")
    assert "finite, range" in option.help


# the manual page


def test_the_manual_page_is_that_of_the_help():
    assert (ROOT / "docs" / "datacheck.1").read_text() == page(), "make man writes it anew"


def test_the_manual_page_is_sound_and_complete():
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed here")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-P-cbou"], input=page(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for command in cli.commands.values():
        assert f"datacheck {command.name}" in done.stdout
        for param in command.params:
            if isinstance(param, click.Option):
                assert max(param.opts, key=len) in done.stdout


def test_the_manual_page_comes_with_the_package():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["shared-data"] == {"docs/datacheck.1": "share/man/man1/datacheck.1"}
    assert roff("'x-\\") == "\\&'x\\-\\e"
