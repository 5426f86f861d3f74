"""Find samples in which a dataset has another number of rows than all others, while its other axis has any length.

The mel spectrum of each sound may have 80 bands as its rows, and a column for each frame: one with 78 bands was cut.
Few rows, or more than usual, may be by design where no name says that they are bands: five captions, or six.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datacheck.backends.hdf5.names import FEATURES, words
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

if TYPE_CHECKING:
    from datacheck.backends.hdf5.samples.samples import Family, Sample

FEWEST, NEARLY_ALL, LENGTHS = 16, 15 / 16, 4
"""Minimum number of samples, minimum share of them with the usual number of rows, and minimum number of different
lengths of the other axis."""
BANDS = FEATURES | frozenset(
    b"mel mels melspec melspecs logmel logmels melspectrogram melspectrograms spec specs spectrum spectra spectrogram "
    b"spectrograms mfcc mfccs fbank fbanks filterbank filterbanks stft cqt chroma cepstrum cepstra "
    b"eeg ecg emg meg".split()
)
"""Words in the names of datasets whose rows are bands, channels or features."""
MANY = 32
"""Minimum number of rows of any other dataset, of which a sample may lack some."""


def odd_first_axes(family: Family) -> Iterator[tuple[Sample, Finding]]:
    """Yield each sample in which the rows of a dataset are not as many as in nearly all others, with a finding."""
    if len(family.samples) < FEWEST or not family.compared:
        return
    for name in family.names:
        shapes = {at: it.members[name] for at, it in enumerate(family.samples) if len(it.members.get(name, ())) == 2}
        (usual, count), *_ = Counter(shape[0] for shape in shapes.values()).most_common(1) or [(0, 0)]
        if not max(FEWEST, NEARLY_ALL * len(family.samples)) <= count < len(shapes) or usual < 2:
            continue
        if len({shape[1] for shape in shapes.values()}) < LENGTHS:
            continue
        for at, shape in shapes.items():
            if shape[0] != usual and (words(name) & BANDS or shape[0] < usual >= MANY):
                sample = family.samples[at]
                text = f"{escape(sample.path)}: {escape(name)} has {counted(shape[0], 'row')}, in the others {usual:,}"
                finding = found("shape", text, verdict="suspicious", sample=escape(sample.path), found=[*shape],
                                expected=[usual, shape[1]])  # fmt: skip
                yield sample, finding
