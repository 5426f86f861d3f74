"""Random keys without a digit, such as one in thirty of those of ten letters and digits, are samples as the others."""

import io
import random
import string

import lmdb
import numpy as np

import datacheck

DRAWN = string.ascii_lowercase + string.digits


def _names(number, of_letters=4):
    drawn = random.Random(number)
    return ["".join(drawn.choices(string.ascii_lowercase if it < of_letters else DRAWN, k=10)) for it in range(number)]


def _array(number, shape=(3, 5)):
    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(number).random(shape, "f4"))
    return stream.getvalue()


def _scan(path, values):
    with lmdb.open(str(path), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key.encode(), value)
    return datacheck.scan(path)


def test_faults_under_random_keys_of_letters_are_found(tmp_path):
    names = _names(120)
    sound = {name: _array(number) for number, name in enumerate(names)}
    assert _scan(tmp_path / "sound", sound).counts == {}
    broken = sound | {names[0]: bytes(200), names[1]: _array(1, (3, 4))}
    assert _scan(tmp_path / "broken", broken).counts == {"undecodable": 1, "shape": 1}


def test_a_record_of_another_length_is_about_the_others(tmp_path):
    sound = {name: _array(number) for number, name in enumerate(_names(120))}
    assert _scan(tmp_path / "env", sound | {"fps": b"25", "img_size": b"3 5"}).counts == {}
