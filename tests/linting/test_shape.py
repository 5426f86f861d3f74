"""Test the shape of the records that data layers read, if it is given: what follows from it is judged."""

from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.errors import UsageError

NET = (
    'layer { name: "d" type: "Data" top: "x" top: "label" data_param { source: "db" batch_size: 4 } }\n'
    'layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { kernel_size: 9 } }\n'
)


def test_a_shape_makes_the_sizes_known(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    assert datacheck.lint(path).clean
    assert datacheck.lint(path, shape=(3, 32, 32)).clean
    assert [it.key for it in datacheck.lint(path, shape=(3, 4, 4)).findings] == ["p"]
    assert datacheck.lint(path, shape=(3, 4, 4), records={"d": (3, 32, 32)}).clean


def test_the_option(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    asked = {
        size: CliRunner().invoke(cli, ["lint", str(path), "--shape", size], standalone_mode=False)
        for size in ("3,32,32", "3,4,4", "3,4")
    }
    assert (asked["3,32,32"].return_value, asked["3,4,4"].return_value) == (0, 1)
    assert isinstance(asked["3,4"].exception, UsageError)
