"""Scan the records that a network reads, as the network would get them, and say what Caffe does with each fault."""
