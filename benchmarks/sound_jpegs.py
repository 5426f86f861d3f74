"""Walk sound JPEGs in the strict mode and print each that is said to be damaged; there must be none.

    python benchmarks/sound_jpegs.py FOLDER [FOLDER ...]

`sound_jpegs.tsv` lists the sources of the pictures that the rules were tried on. None of these was used to make the
rules, except for the two limits named there. Pictures that the decoder rejects are counted apart, as they are not
sound.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.decoder import read_picture


def main(folders: list[str]) -> int:
    eyes.prepare("strict", Path("nowhere"))
    counts: Counter[str] = Counter()
    for path in files(folders):
        value = path.read_bytes()
        if not value.startswith(b"\xff\xd8\xff"):
            continue
        if read_picture(value, pixels=False)[0] is None:
            counts["broken, says the decoder"] += 1
            continue
        with eyes.using("strict"):
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
