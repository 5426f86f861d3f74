"""Compare a decoder's results for a batch of records with its results for each record alone."""

from datacheck.model.blocks import Block
from datacheck.testing.decoders import spread


def compared(decoder, values, profile=None, block=None):
    """Assert that decoding values together and one by one gives the same; return how many were decoded together."""
    block = Block([b""] * len(values), values) if block is None else block
    together = spread(decoder.decode(block, range(len(values)), profile))
    single = []
    for row in range(len(values)):
        one = Block([b""] * len(values), values)
        single += spread(decoder.decode(one, [row], profile))
    assert together == sorted(single, key=repr)
    batches, left = decoder.decode_together(lambda it: decoder.read(it, profile), block, range(len(values)), profile)
    assert {row for batch in batches for row in batch.rows} == set(range(len(values))) - set(left)
    return len(values) - len(left)
