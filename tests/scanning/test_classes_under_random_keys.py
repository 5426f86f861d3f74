"""Keys such as cat/DIGEST are in the folders of classes, which are no parts of samples: all are judged alike."""

import hashlib
import io

import lmdb
import numpy as np

import datacheck


def _key(name, number):
    return name % hashlib.md5(b"%s %d" % (name.encode(), number), usedforsecurity=False).hexdigest()


def _array(number, shape=(3, 5)):
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(number).random(shape, "f4"))
    return stream.getvalue()


def _scan(path, values, **options):
    with lmdb.open(str(path), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key.encode(), value)
    return datacheck.scan(path, **options)


def test_faults_in_a_rare_class_are_found(tmp_path):
    values = {_key(name, it): _array(it) for name in ("cat/%s", "dog/%s", "fox/%s") for it in range(60)}
    rare = {_key("owl/%s", it): _array(it) for it in range(5)}
    assert _scan(tmp_path / "sound", values | rare).counts == {}
    first, second, *_ = rare
    broken = {first: _array(1, (3, 4)), second: bytes(200)}
    assert _scan(tmp_path / "env", values | rare | broken).counts == {"shape": 1, "undecodable": 1}


def test_arrays_of_another_shape_in_the_folder_of_a_part_are_sound(tmp_path):
    values = {_key("rgb/%s", it): _array(it) for it in range(60)}
    parts = {key.replace("rgb", "depth"): _array(it, (1, 5)) for it, key in enumerate(values)}
    assert _scan(tmp_path / "env", values | parts).counts == {}


def test_faults_in_a_small_set_are_found(tmp_path):
    values = {f"{name}/{_key('%s', it)}": _array(it) for name in ("train", "val") for it in range(60)}
    test = {f"test/{_key('%s', it)}": _array(it) for it in range(5)}
    broken = {next(iter(test)): bytes(200)}
    assert _scan(tmp_path / "env", values | test | broken).counts == {"undecodable": 1}


def test_an_array_is_meant_for_all_sets(tmp_path):
    values = {f"train-{it:05d}": np.random.default_rng(it).random(8, "f4").tobytes() for it in range(60)}
    values |= {f"val-{it:05d}": np.random.default_rng(it).random(8).tobytes() for it in range(30)}
    assert _scan(tmp_path / "env", values, array=["f4:8"]).counts == {"size-mismatch": 30}
    masks = {key.replace("val", "mask"): value for key, value in values.items() if "val" in key}
    images = {key: value for key, value in values.items() if "train" in key}
    assert _scan(tmp_path / "masks", images | masks, array=["f4:8"]).counts == {"unknown-payload": 1}
