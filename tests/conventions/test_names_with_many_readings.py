"""Reading a name or a header takes no longer the more ways there are to divide it into words or blanks."""

from commanding import datacheck
from convention_stores import picture, write


def test_a_key_that_repeats_a_word_for_counts_takes_no_time(tmp_path):
    records = {b"%05d" % at: picture(at) for at in range(40)}
    store = write(tmp_path / "store", records | {b"vid/" + b"nframes" * 40 + b"!": picture(40)})
    result = datacheck("scan", store, "--timeout", "2")
    assert (result.returncode, "unverifiable" in result.stdout) == (0, False), result.stdout


def test_blanks_behind_the_first_letters_of_another_format_take_no_time(tmp_path):
    records = {b"%05d" % at: picture(at) for at in range(40)}
    store = write(tmp_path / "store", records | {b"00017": b"P5" + b" " * 300 + b"\xff"})
    result = datacheck("scan", store, "--timeout", "2")
    assert result.returncode == 1, result.stdout
    assert "timeout" not in result.stdout.partition("look at one")[0], result.stdout
