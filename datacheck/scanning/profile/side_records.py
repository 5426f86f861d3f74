"""Find records about the others by their names, such as `mean` and `config`, among samples whose keys are names too.

They may have the form of the samples, such as a mapping among mappings, but need not have the same fields or shapes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from datacheck.conventions.counts.aside import ASIDE
from datacheck.lazy_re import compiled_later
from datacheck.model.sample_sets import SETS

_TELLING = (
    "classes mean means std stds var stat stats statistics norm normalization normalizer scaler vocab vocabulary "
    "charset alphabet tokenizer categories taxonomy attributes colors palette colormap anchors config configuration "
    "cfg params parameters hparams settings info information meta metadata schema header camera intrinsics weights "
    "readme license licence description"
)
TELLING = frozenset(_TELLING.split())
"""Words at least one of which is in the name of a record about the others; the rest may be those of ASIDE."""
_LISTING = (
    "names list map mapping to index indices keys ids n num nums nb number count counts size length len splits files"
)
LISTING = frozenset(_LISTING.split())
"""Words that tell so together with another one, as in class_names, idx_to_label, train_keys and num_val."""
LONGEST = 64
"""Maximum length of such a name in bytes: words that are in other words can be told apart in many ways."""
_OTHERS = frozenset(["image", "images", "frame", "frames", *map(bytes.decode, SETS)])
"""Further words that such names may have."""
_ANY = "|".join(sorted(ASIDE | TELLING | LISTING | _OTHERS, key=len, reverse=True))
_NAME = compiled_later(rf"[_. -]*(?:(?:{_ANY})[_. -]*)+".encode(), re.IGNORECASE)
CODED = 0.9
"""Minimum share of the sampled keys that have a digit, and of those that have a usual length."""
ENOUGH = 32
LEAST_USUAL = 0.1
"""Minimum share of the sampled keys that have the same length for it to be usual: digests have one, or a few if some
end in the name of a part."""
_TEXT_FILES = (b".csv", b".tsv", b".txt", b".json", b".yaml", b".yml", b".md")
_WORD = compiled_later("[a-z]+")
_CODE = compiled_later(rb"[0-9\x00-\x1f\x7f]")
_WORDS = compiled_later(rb"_*[A-Za-z]+(?:[_. -][A-Za-z]+)*_*")


def is_side_record(key: bytes) -> bool:
    """Return whether a key is the name of a record about the others.

    >>> [is_side_record(it) for it in (b"__stats__", b"class_names", b"train_keys", b"oak_tree", b"mean_7", b"train")]
    [True, True, True, False, False, False]
    """
    if len(key) > LONGEST or _NAME.fullmatch(key) is None:
        return False
    name_words = _WORD.findall(key.decode().lower())
    return not TELLING.isdisjoint(name_words) or (len(name_words) > 1 and not LISTING.isdisjoint(name_words))


def usual_lengths(keys: Collection[bytes]) -> tuple[int, ...]:
    """Return the lengths of keys that are digests, packed numbers or the like, so that words are unlike them.

    Nearly all of these have a digit or are no text, and have one of few lengths. Return nothing if the keys are others,
    such as file names or words in any script.
    """
    if len(keys) < ENOUGH or sum(map(_is_code, keys)) < CODED * len(keys):
        return ()
    usual = {it: count for it, count in Counter(map(len, keys)).items() if count >= LEAST_USUAL * len(keys)}
    return tuple(sorted(usual)) if sum(usual.values()) >= CODED * len(keys) else ()


def _is_code(key: bytes) -> bool:
    """Return whether a key has a digit or a control character, or is no text.

    >>> _is_code(b"a1"), _is_code(b"\\x00\\x07"), _is_code("\u8bcd".encode()), _is_code(b"\\xe8\\xff")
    (True, True, False, True)
    """
    if _CODE.search(key) is not None:
        return True
    try:
        key.decode()
    except UnicodeDecodeError:
        return True
    return False


def _is_unlike(key: bytes, lengths: Collection[int]) -> bool:
    """Return whether a key consists of words, and has none of the lengths of digests: some of these have no digit.

    The name of a text file may have such a length by chance.

    >>> _is_unlike(b"labels.csv", [10]), _is_unlike(b"labelslist", [10])
    (True, False)
    """
    if not lengths or len(key) > LONGEST or _WORDS.fullmatch(key) is None:
        return False
    return len(key) not in lengths or key.endswith(_TEXT_FILES)


def split_side_records(
    keys: Sequence[bytes], rows: Sequence[int], lengths: Collection[int] = ()
) -> tuple[Sequence[int], list[int]]:
    """Return the rows of the samples, and those of the records about them; `lengths` are those of `usual_lengths`."""
    aside = [row for row in rows if is_side_record(keys[row]) or _is_unlike(keys[row], lengths)]
    if not aside:
        return rows, aside
    others = frozenset(aside)
    return [row for row in rows if row not in others], aside
