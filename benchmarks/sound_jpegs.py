"""Walk sound JPEGs as strictly as can be, and name each that is said to be damaged: there must be none.

    python benchmarks/sound_jpegs.py FOLDER [FOLDER ...]

`sound_jpegs.tsv` says where those came from that the rules were tried on: none of them was looked at to make the rules,
but for the two limits that say so there. What the decoder objects to is counted apart; it is no sound picture.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.decoder import read_picture


def main(folders: list[str]) -> int:
    eyes.open_wide("strict", Path("nowhere"))
    counts: Counter[str] = Counter()
    for path in files(folders):
        value = path.read_bytes()
        if not value.startswith(b"\xff\xd8\xff"):
            continue
        if read_picture(value, pixels=False)[0] is None:
            counts["broken, says the decoder"] += 1
            continue
        with eyes.looking("strict"):
            findings = [it for it in read_picture(value, pixels=False)[1] if it.code == "corrupt-image"]
        counts[findings[0].verdict if findings else "sound"] += 1
        for finding in findings:
            print(f"{path}: {finding.verdict}: {finding.message}")
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return 1 if counts["bad"] or counts["suspicious"] else 0


def files(folders: list[str]) -> Iterator[Path]:
    for folder in map(Path, folders):
        yield from (it for it in sorted(folder.rglob("*")) if it.is_file())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
