"""Messages about one of something have the singular."""

import json

from convention_stores import picture, write

import datacheck
from datacheck.conventions.counts.list_counts import exact_findings
from datacheck.conventions.interface import Convention, Count, KeyList
from datacheck.conventions.values.stored_values import Stored


def test_one_record_that_no_list_names(tmp_path):
    store = {b"img%02d" % at: picture(at) for at in range(24)}
    for left_out, said in ((1, "1 record is not"), (2, "2 records are not")):
        keys = [it.decode() for it in store][left_out:]
        path = write(tmp_path / said, store | {b"__keys__": json.dumps(keys).encode()})
        (finding,) = datacheck.scan(path).findings
        them = "it" if left_out == 1 else "them"
        assert finding.message == f"{said} among the {24 - left_out} keys in __keys__: no loader reads {them}"


def test_one_key_in_a_list():
    key_list = KeyList(b"keys", "json", 1, entries=1)
    count = Count(b"len", Stored(2, "decimal"), b"2", of_list=b"keys", exact=True)
    findings = exact_findings(Convention("", counts=(count,), lists=(key_list,)), {})
    assert [it.message for it in findings] == ["len says 2, there is 1 key in keys"]
