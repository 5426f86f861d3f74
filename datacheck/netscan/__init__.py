"""Scan what a network reads, as the network would get it; and what Caffe would have done with each fault."""
