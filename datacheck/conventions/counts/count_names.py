"""The keys under which projects keep the number of records. Light to import: the table of conventions has them."""

from __future__ import annotations

UNMISTAKABLE = frozenset(
    {
        *(b"num-samples", b"num_samples", b"n_samples", b"nsamples", b"nSamples", b"num_sample", b"total_samples"),
        *(b"num_examples", b"num_records", b"num_entries", b"total_num", b"total_number", b"total_records"),
        *(b"total_examples", b"total_entries", b"n_examples", b"n_records", b"n_entries"),
        *(b"__num_samples__", b"__num_examples__", b"num_graphs", b"_TOTAL_COUNT_"),
        *(b"dataset_size", b"dataset_length", b"__len__", b"__length__", b"__count__"),
    }
)
"""Names of counts. A value under one of them is not a record, even if it cannot be read."""
LOOSE = (b"length", b"Length", b"len")
"""Names of counts that may count something else, such as frames or words, if far from the number of records."""
THINGS = frozenset({b"num_images", b"num_frames", b"num_patches", b"num_tiles", b"num_clips", b"num_slices"})
"""Names of counts of records that others, or another store, may name by key: their numbers are never closed up."""
DOUBTFUL = frozenset(
    {
        *(b"num", b"size", b"count", b"total", b"num_items", b"num_data", b"num_instances", b"total_count"),
        *(b"total_items", b"item_count", b"sample_count", b"record_count", b"num_files", b"total_files"),
        *(b"num_molecules", b"num_structures", b"num_proteins", b"num_pairs", b"num_utterances"),
        *THINGS,
    }
)
"""Names whose value may be something else, such as the size of pictures, unless it is the number of records."""
EVERY = (UNMISTAKABLE | DOUBTFUL) - THINGS - {b"size", b"num"} | {b"num_images"}
"""Names whose value is the number of records if it is the same as another count: 16 samples may have 16 frames each."""
APART = (b"__metadata__", b"__meta__")
"""Names of metadata: a record under one of them is neither a sample nor in any list of keys."""
METADATA = (*APART, b"metadata", b"meta")
"""Names whose value may be a mapping that contains the number of records."""
WITHIN = (
    *sorted(map(bytes.decode, UNMISTAKABLE)),
    *map(bytes.decode, LOOSE),
    "nframes",
    *sorted(map(bytes.decode, DOUBTFUL)),
)
"""The names of the number of records in such a mapping, clear ones first: `length` may be that of a clip."""
NAMES = (*sorted(UNMISTAKABLE), *LOOSE, *sorted(DOUBTFUL))
"""The keys of counts, in the order in which they are tried."""
OWN_NAMES = UNMISTAKABLE | {*APART}
"""Names whose value is never a record of a vocabulary, whatever the other records hold."""
