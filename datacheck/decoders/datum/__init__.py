"""Decode and encode Caffe's Datum messages."""
