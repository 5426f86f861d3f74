"""What a copy cannot have true is named, and what it can is written there."""

import pickle

from commanding import datacheck
from convention_stores import atoms, load_atoms, picture, read, write


def rebuilt(tmp_path, records):
    source, copy = write(tmp_path / "source", records), tmp_path / "copy"
    return copy, datacheck("rebuild", source, copy, "--drop-bad")


def test_a_mapping_of_keys_to_positions_is_said_to_be_as_bad_in_the_copy(tmp_path):
    keys = [b"%06d" % at for at in range(130)]
    records = {key: picture(at) for at, key in enumerate(keys) if at != 41}
    copy, told = rebuilt(tmp_path, records | {b"__keys__": pickle.dumps({key: at for at, key in enumerate(keys)})})
    assert "as bad in the copy: dangling: 1 of the 130 keys in __keys__ is not there: 000041" in told.stdout
    assert datacheck("scan", copy).returncode == 1


def test_nothing_is_said_of_a_list_that_the_copy_has_true(tmp_path):
    keys = [b"%06d" % at for at in range(130)]
    records = {key: picture(at) for at, key in enumerate(keys) if at != 41}
    copy, told = rebuilt(tmp_path, records | {b"__keys__": pickle.dumps(keys)})
    assert "as bad in the copy" not in told.stdout
    assert pickle.loads(read(copy)[b"__keys__"]) == [it for it in keys if it != b"000041"]


def test_rows_that_are_gone_without_a_list_of_deleted_ids_are_listed_in_the_copy(tmp_path):
    records = {key: value for key, value in atoms(40, deleted=(9, 15)).items() if key != b"deleted_ids"}
    copy, told = rebuilt(tmp_path, records)
    assert told.returncode == 0
    assert sorted(load_atoms(copy)) == [it for it in range(1, 41) if it not in (9, 15)]
    assert datacheck("scan", copy).returncode == 0
