"""The receipt names every record that went, for itself or with its sample."""

import json

import pytest
from convention_stores import word_pictures, write

from datacheck.cli.entry import main


def test_every_record_that_went_is_named(tmp_path):
    records = word_pictures() | {b"image-000000005": b"no picture"}
    del records[b"image-000000007"]
    write(tmp_path / "store", records)
    receipt = tmp_path / "receipt.json"
    rebuild = ["rebuild", str(tmp_path / "store"), str(tmp_path / "copy"), "--drop-bad", "--report", str(receipt)]
    with pytest.raises(SystemExit) as ended:
        main(rebuild)
    assert ended.value.code == 0
    document = json.loads(receipt.read_text())
    drops = {it["key"]: it["codes"] for it in document["drops"]}
    assert drops == {
        "image-000000005": ["undecodable"],
        "label-000000005": ["unpaired"],
        "label-000000007": ["unpaired"],
    }
    assert document["dropped"] == len(document["drops"]) == 3
