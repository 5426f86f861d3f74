"""Read Caffe's prototxt (solvers, networks) and binaryproto, and predict what Caffe does with them, without Caffe."""
