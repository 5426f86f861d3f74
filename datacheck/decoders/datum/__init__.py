"""Caffe's Datum."""
