"""Generate prototxt with the architecture of published networks: LeNet, AlexNet, VGG, GoogLeNet and ResNet."""

from __future__ import annotations

FILLERS = 'weight_filler { type: "xavier" } bias_filler { type: "constant" value: 0.2 }'


def layer(name, kind, bottoms, tops, inside=""):
    """Return the prototxt of a layer, with its name, type and blobs on a line each."""
    ends = "".join(f'\n  bottom: "{it}"' for it in bottoms) + "".join(f'\n  top: "{it}"' for it in tops)
    return f'layer {{\n  name: "{name}"\n  type: "{kind}"{ends}\n  {inside}\n}}\n'


class Net:
    """A network that is built layer by layer; `at` is the default input blob of the next layer."""

    def __init__(self, name, crop, batch, *, channels=3, classes=1000):
        means = " ".join(f"mean_value: {value}" for value in (104, 117, 123)[:channels])
        self.text, self.at, self.classes = f'name: "{name}"\n', "data", classes
        for phase, mirror in (("TRAIN", "true"), ("TEST", "false")):
            self.text += layer(
                "data",
                "Data",
                (),
                ("data", "label"),
                f"include {{ phase: {phase} }} transform_param {{ mirror: {mirror} crop_size: {crop} {means} }} "
                f'data_param {{ source: "{phase.lower()}_lmdb" batch_size: {batch} backend: LMDB }}',
            )

    def add(self, name, kind, inside="", *, bottoms=None, top=None):
        top = top or name
        self.text += layer(name, kind, bottoms or [self.at], [top], inside)
        self.at = top
        return top

    def conv(self, name, outputs, kernel, *, stride=1, pad=0, group=1, relu=True, bottom=None):
        sizes = f"num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {pad} group: {group} {FILLERS}"
        rates = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }"
        self.add(name, "Convolution", f"{rates} convolution_param {{ {sizes} }}", bottoms=[bottom or self.at])
        if relu:
            self.add(f"relu_{name}", "ReLU", top=name)
        return self.at

    def pool(self, name, kernel, stride, *, kind="MAX", pad=0, bottom=None):
        sizes = f"pool: {kind} kernel_size: {kernel} stride: {stride} pad: {pad}"
        return self.add(name, "Pooling", f"pooling_param {{ {sizes} }}", bottoms=[bottom or self.at])

    def dense(self, name, outputs, *, relu=False, drop=False):
        self.add(name, "InnerProduct", f"inner_product_param {{ num_output: {outputs} {FILLERS} }}")
        if relu:
            self.add(f"relu_{name}", "ReLU", top=name)
        if drop:
            self.add(f"drop_{name}", "Dropout", "dropout_param { dropout_ratio: 0.5 }", top=name)

    def finish(self, weight=1, prefix=""):
        scores = self.at
        self.add(f"{prefix}loss", "SoftmaxWithLoss", f"loss_weight: {weight}", bottoms=[scores, "label"])
        accuracy = "accuracy_param { top_k: 5 } include { phase: TEST }"
        self.add(f"{prefix}accuracy", "Accuracy", accuracy, bottoms=[scores, "label"])
        self.at = scores
        return self


def lenet():
    net = Net("LeNet", 28, 64, channels=1, classes=10)
    net.conv("conv1", 20, 5, relu=False)
    net.pool("pool1", 2, 2)
    net.conv("conv2", 50, 5, relu=False)
    net.pool("pool2", 2, 2)
    net.dense("ip1", 500, relu=True)
    net.dense("ip2", 10)
    return net.finish()


def alexnet():
    net = Net("AlexNet", 227, 256)
    norm = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    net.conv("conv1", 96, 11, stride=4)
    net.add("norm1", "LRN", norm)
    net.pool("pool1", 3, 2)
    net.conv("conv2", 256, 5, pad=2, group=2)
    net.add("norm2", "LRN", norm)
    net.pool("pool2", 3, 2)
    net.conv("conv3", 384, 3, pad=1)
    net.conv("conv4", 384, 3, pad=1, group=2)
    net.conv("conv5", 256, 3, pad=1, group=2)
    net.pool("pool5", 3, 2)
    net.dense("fc6", 4096, relu=True, drop=True)
    net.dense("fc7", 4096, relu=True, drop=True)
    net.dense("fc8", 1000)
    return net.finish()


def vgg16():
    net = Net("VGG-16", 224, 32)
    for block, (outputs, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for number in range(1, count + 1):
            net.conv(f"conv{block}_{number}", outputs, 3, pad=1)
        net.pool(f"pool{block}", 2, 2)
    net.dense("fc6", 4096, relu=True, drop=True)
    net.dense("fc7", 4096, relu=True, drop=True)
    net.dense("fc8", 1000)
    return net.finish()


def _inception(net, name, one, three_before, three, five_before, five, pooled):
    bottom = net.at
    ends = [net.conv(f"{name}/1x1", one, 1, bottom=bottom)]
    net.conv(f"{name}/3x3_reduce", three_before, 1, bottom=bottom)
    ends.append(net.conv(f"{name}/3x3", three, 3, pad=1))
    net.conv(f"{name}/5x5_reduce", five_before, 1, bottom=bottom)
    ends.append(net.conv(f"{name}/5x5", five, 5, pad=2))
    net.pool(f"{name}/pool", 3, 1, pad=1, bottom=bottom)
    ends.append(net.conv(f"{name}/pool_proj", pooled, 1))
    net.add(f"{name}/output", "Concat", bottoms=ends)


def _auxiliary(net, name):
    trunk = net.at
    net.pool(f"{name}/ave_pool", 5, 3, kind="AVE")
    net.conv(f"{name}/conv", 128, 1)
    net.dense(f"{name}/fc", 1024, relu=True, drop=True)
    net.dense(f"{name}/classifier", 1000)
    net.finish(0.3, f"{name}/")
    net.at = trunk


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet():
    net = Net("GoogLeNet", 224, 32)
    net.conv("conv1", 64, 7, stride=2, pad=3)
    net.pool("pool1", 3, 2)
    net.add("norm1", "LRN")
    net.conv("conv2_reduce", 64, 1)
    net.conv("conv2", 192, 3, pad=1)
    net.add("norm2", "LRN")
    net.pool("pool2", 3, 2)
    for name, sizes in INCEPTIONS.items():
        _inception(net, f"inception_{name}", *sizes)
        if name in ("3b", "4e"):
            net.pool(f"pool{name[0]}", 3, 2)
        if name in ("4a", "4d"):
            _auxiliary(net, f"loss{name}")
    net.pool("pool5", 7, 1, kind="AVE")
    net.add("drop", "Dropout", "dropout_param { dropout_ratio: 0.4 }", top="pool5")
    net.dense("classifier", 1000)
    return net.finish()


def _normed(net, name, outputs, kernel, *, stride=1, pad=0, relu=True, bottom=None):
    net.conv(name, outputs, kernel, stride=stride, pad=pad, relu=False, bottom=bottom)
    net.add(f"bn_{name}", "BatchNorm", "param { lr_mult: 0 } " * 3, top=name)
    net.add(f"scale_{name}", "Scale", "scale_param { bias_term: true }", top=name)
    if relu:
        net.add(f"relu_{name}", "ReLU", top=name)
    return net.at


def resnet50():
    net = Net("ResNet-50", 224, 16)
    _normed(net, "conv1", 64, 7, stride=2, pad=3)
    net.pool("pool1", 3, 2)
    for stage, (width, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 2):
        for number in range(count):
            name, bottom = f"res{stage}{'abcdef'[number]}", net.at
            stride = 2 if number == 0 and stage > 2 else 1
            shortcut = bottom
            if number == 0:
                shortcut = _normed(net, f"{name}_branch1", 4 * width, 1, stride=stride, relu=False, bottom=bottom)
            _normed(net, f"{name}_branch2a", width, 1, stride=stride, bottom=bottom)
            _normed(net, f"{name}_branch2b", width, 3, pad=1)
            last = _normed(net, f"{name}_branch2c", 4 * width, 1, relu=False)
            net.add(name, "Eltwise", "eltwise_param { operation: SUM }", bottoms=[shortcut, last])
            net.add(f"{name}_relu", "ReLU", top=name)
    net.pool("pool5", 7, 1, kind="AVE")
    net.dense("fc1000", 1000)
    return net.finish()


PUBLISHED = {
    "LeNet": (lenet, {"conv1": (64, 20, 24, 24), "pool2": (64, 50, 4, 4), "ip2": (64, 10)}),
    "AlexNet": (alexnet, {"conv1": (256, 96, 55, 55), "pool2": (256, 256, 13, 13), "pool5": (256, 256, 6, 6)}),
    "VGG-16": (vgg16, {"conv3_3": (32, 256, 56, 56), "pool5": (32, 512, 7, 7), "fc8": (32, 1000)}),
    "GoogLeNet": (
        googlenet,
        {
            "pool1": (32, 64, 56, 56),
            "inception_3b/output": (32, 480, 28, 28),
            "loss4a/ave_pool": (32, 512, 4, 4),
            "inception_5b/output": (32, 1024, 7, 7),
            "pool5": (32, 1024, 1, 1),
        },
    ),
    "ResNet-50": (
        resnet50,
        {"pool1": (16, 64, 56, 56), "res3d": (16, 512, 28, 28), "res5c": (16, 2048, 7, 7), "pool5": (16, 2048, 1, 1)},
    ),
}
"""For each network, the function that builds it and the published shapes of some of its blobs."""
