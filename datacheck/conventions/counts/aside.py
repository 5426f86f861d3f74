"""Find records about the other records, which a count of samples leaves out: `classes`, `label_map`, `mean`, `about`.

They are recognised by their names, if nearly all other keys have digits or if their values are of another kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datacheck.conventions.interface import StoreView

_ASIDE = (
    "class classes label labels target targets names name list map mapping to idx id ids index mean std var min max "
    "stat stats statistics norm normalization scaler vocab vocabulary charset alphabet tokenizer tags category "
    "categories taxonomy attributes colors palette colormap anchors config configuration cfg params parameters args "
    "settings info information meta metadata schema header fields columns shape dtype channels camera intrinsics "
    "version license licence readme about author authors creator created date source url description desc citation "
    "dataset data split splits txt json md pkl at by dict dicts num number nb count counts total files size sizes "
    "length lengths lookup table compress compression domain domains feature features dim dims type types token tokens "
    "video videos clip clips sequence sequences episode episodes trajectory trajectories "
    "samples windows"
)
ASIDE = frozenset(_ASIDE.split())
DIGITS = frozenset(b"0123456789")
MOST = 0.9
LOOKED_AT = 4
"""Number of other records whose values are read, to tell these records from samples."""
FEW = 16
"""Maximum number of records about the others; more records with such names are samples."""
RESERVED = b"__"
"""What names begin with that projects reserve for records of their own, such as __compressed__."""
_WORD = re.compile(r"[a-z]+")
_BETWEEN = b"_. -"


def keys_aside(store: StoreView, own: frozenset[bytes]) -> frozenset[bytes]:
    """Return the keys of the sampled records that are about the others, apart from a convention's `own`."""
    named = sorted(it for it in store.keys if it not in own and _is_name(it))
    others = sorted(set(store.keys) - own - set(named))
    if not named or len(named) > FEW or len(others) <= len(named):
        return frozenset()
    if sum(any(it in DIGITS for it in key) for key in others) >= MOST * len(others):
        return frozenset(named)  # the keys of samples have digits
    usual = {_form(store, it) for it in others[:: max(1, len(others) // LOOKED_AT)][:LOOKED_AT]}
    return frozenset(it for it in named if _form(store, it) not in usual)


def _is_name(key: bytes) -> bool:
    if key.startswith(RESERVED):
        return True
    if not key.translate(None, _BETWEEN).isalpha():
        return False
    return ASIDE.issuperset(_WORD.findall(key.decode("latin1").lower()))


def _form(store: StoreView, key: bytes) -> Any:
    """Return the kind of a value and, if it is plain, its type and the names of a mapping; None without a value."""
    from datacheck.decoders import kind  # loads all decoders, which the parent process does not need

    raw = store.value(key)
    if raw is None:
        return None
    parsed = store.stored(key)
    names = frozenset(map(str, parsed.value)) if parsed is not None and isinstance(parsed.value, dict) else None
    return kind(raw), None if parsed is None else type(parsed.value).__name__, names
