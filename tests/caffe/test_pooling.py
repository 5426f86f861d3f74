"""Test the number of windows and the empty windows of Caffe's pooling against a simulation of its loops."""

import itertools
import math

import numpy as np
import pytest

from datacheck.caffe.pooling import Axis


def simulate(size, kernel, stride, pad, ceil, method):
    """Pool ones along one axis as pooling_layer.cpp does (the other axis has one window of one pixel)."""
    pooled = int((math.ceil if ceil else math.floor)((size + 2 * pad - kernel) / stride)) + 1
    if pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1
    values = []
    for at in range(pooled):
        start = at * stride - pad
        end = min(start + kernel, size + pad if method == "AVE" else size)
        area = end - start
        start, end = max(start, 0), min(end, size)
        if method == "AVE":
            total = float(max(end - start, 0))
            values.append(float(np.float32(total) / np.float32(area)))
        else:
            values.append(max([-3.4028235e38] + [1.0] * max(end - start, 0)))
    return values


GRID = list(itertools.product(range(1, 19), range(1, 8), range(1, 11), range(4), [True, False]))


@pytest.mark.parametrize("method", ["AVE", "MAX"])
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_the_rule_is_caffes_on_the_whole_grid(method):
    seen = set()
    for size, kernel, stride, pad, ceil in GRID:
        if pad >= kernel and pad:
            continue
        axis = Axis(size, kernel, stride, pad, padded=pad > 0, ceil=ceil)
        values = simulate(size, kernel, stride, pad, ceil, method)
        assert max(axis.windows, 0) == len(values), axis
        emptiness = None
        if any(math.isnan(it) for it in values):
            emptiness = "nan"
        elif values and min(values) < -1e38:
            emptiness = "lowest"
        elif values and min(values) == 0:
            emptiness = "zero"
        assert axis.emptiness(method) == emptiness, axis
        if emptiness:
            assert stride > kernel
            assert not pad
            assert ceil
        seen.add(emptiness)
    assert seen == ({None, "nan", "zero"} if method == "AVE" else {None, "lowest"})


def test_the_published_rule():
    """AVE is NaN exactly where (P-1)*s == H, MAX is -FLT_MAX where (P-1)*s >= H; observed in Caffe on 182 cases."""
    for size, kernel, stride in itertools.product(range(4, 17), (2, 3), range(1, 8)):
        axis = Axis(size, kernel, stride)
        begin = (math.ceil((size - kernel) / stride)) * stride
        assert (axis.emptiness("AVE") == "nan") == (begin == size)
        assert (axis.emptiness("MAX") == "lowest") == (begin >= size)


def test_padding_on_the_other_axis_takes_windows_away_too():
    assert Axis(10, 3, 5).windows == 3
    assert Axis(10, 3, 5, padded=True).windows == 2
    assert Axis(10, 3, 5, padded=True).emptiness("AVE") is None


def test_sizes_beyond_any_picture_cost_nothing():
    assert Axis(1 << 62, 3, 1 << 31).emptiness("MAX") == "lowest"
