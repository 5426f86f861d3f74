"""Small msgpack maps in the bytes of other records, of which one is cut."""

import msgpack
from building import key, write_lmdb
from commanding import datacheck


def write(path, inner):
    records = {key(at): msgpack.packb({"x": inner(at), "y": at}) for at in range(30)}
    return write_lmdb(path, records)


def test_a_cut_map_of_few_bytes_is_bad_where_the_others_are_whole(tmp_path):
    whole = msgpack.packb({"a": [1.0, 2.0], "b": "hello"})
    store = write(tmp_path / "cut", lambda at: whole[:-3] if at == 20 else whole)
    result = datacheck("scan", store)
    assert result.returncode == 1
    assert f"x: {len(whole) - 3} bytes that no decoder knows, nearly all others hold x/a, x/b" in result.stdout


def test_digests_of_few_bytes_are_sound(tmp_path):
    result = datacheck("scan", write(tmp_path / "sound", lambda at: bytes([0x81, 3, at]) * 7))
    assert result.returncode == 0, result.stdout
