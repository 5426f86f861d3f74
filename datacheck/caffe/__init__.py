"""Caffe's own files: solver and network prototxt, binaryproto; what Caffe would do with them, without Caffe."""
