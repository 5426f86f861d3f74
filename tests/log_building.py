"""Build Caffe logs line by line, as solver.cpp, sgd_solver.cpp, net.cpp and caffe.cpp print them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

PLACES = {
    "loss": "solver.cpp:239",
    "lr": "sgd_solver.cpp:112",
    "clip": "sgd_solver.cpp:99",
    "out": "solver.cpp:258",
    "test": "solver.cpp:347",
    "net": "net.cpp:593",
    "init": "solver.cpp:45",
    "done": "caffe.cpp:250",
}


def glog(where: str, text: str, *, thread: int = 21423, level: str = "I", old: bool = False) -> str:
    """Return a line with a glog prefix; `old` selects the prefix of glog before 0.6, without the year."""
    date = "1123" if old else "20261123"
    return f"{level}{date} 09:31:39.342764 {thread:5d} {PLACES.get(where, where)}] {text}\n"


def cpp(value: float) -> str:
    """Return a number as a C++ stream prints it."""
    return f"{value:g}"


def head(
    *,
    solver: str = 'base_lr: 0.01\ndisplay: 1\nmax_iter: 40\nlr_policy: "fixed"\n',
    batch: int = 10,
    classes: int = 10,
    phase: str = "TRAIN",
    **how,
) -> str:
    """Return the head of a run, in which Caffe prints the parameters of solver and network."""
    net = f"""state {{
  phase: {phase}
}}
layer {{
  name: "data"
  type: "Data"
  data_param {{
    source: "train db"
    batch_size: {batch}
    backend: LMDB
  }}
}}
layer {{
  name: "pool1"
  type: "Pooling"
  bottom: "data"
}}
layer {{
  name: "ip2"
  type: "InnerProduct"
  inner_product_param {{
    num_output: {classes}
  }}
}}
"""
    return (
        glog("init", "Initializing solver from parameters: ", **how)
        + solver
        + glog("solver.cpp:102", "Creating training net from net file: net.prototxt", **how)
        + glog("net.cpp:53", "Initializing net from parameters: ", **how)
        + net
        + glog("solver.cpp:57", "Solver scaffolding done.", **how)
    )


def shown(iteration: int, loss: float, lr: float | None = 0.01, *, rate: bool = True, **how) -> str:
    """Return the lines of one iteration."""
    speed = " (500 iter/s, 0.002s/1 iters)" if rate else ""
    lines = glog("loss", f"Iteration {iteration}{speed}, loss = {cpp(loss)}", **how)
    lines += glog("out", f"    Train net output #0: loss = {cpp(loss)} (* 1 = {cpp(loss)} loss)", **how)
    return lines if lr is None else lines + glog("lr", f"Iteration {iteration}, lr = {cpp(lr)}", **how)


def run(
    losses: Iterable[float],
    lr: Callable[[int], float] = lambda iteration: 0.01,
    *,
    done: bool = True,
    step: int = 1,
    rate: bool = True,
    **how,
) -> str:
    """Return a run with these losses, one every `step` iterations."""
    lines = "".join(shown(place * step, loss, lr(place * step), rate=rate, **how) for place, loss in enumerate(losses))
    return lines + (glog("done", "Optimization Done.", **how) if done else "")


def norms(data: float, diff: float, **how) -> str:
    """Return the line of debug_info with the norms of all parameters and gradients."""
    text = f"    [Backward] All net params (data, diff): L1 norm = ({cpp(data)}, {cpp(diff)}); "
    return glog("net.cpp:721", f"{text}L2 norm = ({cpp(data)}, {cpp(diff)})", level="E", **how)


def forward(layer: str, blob: str, value: float, *, param: bool = False, **how) -> str:
    what = "param" if param else "top"
    return glog("net", f"    [Forward] Layer {layer}, {what} blob {blob} data: {cpp(value)}", **how)


def backward(layer: str, blob: str, value: float, *, param: bool = False, **how) -> str:
    what = "param" if param else "bottom"
    return glog("net.cpp:621", f"    [Backward] Layer {layer}, {what} blob {blob} diff: {cpp(value)}", **how)


def healthy(count: int = 40) -> list[float]:
    """Return losses that fall, with fluctuations like those of batches."""
    return [2.3 * 0.98**place * (1 + 0.05 * ((place * 7) % 5 - 2) / 2) for place in range(count)]
