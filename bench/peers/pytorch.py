"""PyTorch as a contender, on OMP_NUM_THREADS threads: serves the protocol of ../serve.ts with the works of ../works.ts."""
import json
import os
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(0)


class Block(nn.Module):
    """The basic block; option A (`pad`) or option B (`project`) where the shape changes."""

    def __init__(self, inputs, outputs, stride, project):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.changes = stride != 1 or inputs != outputs
        self.extra = outputs - inputs
        self.downsample = None
        if self.changes and project:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.changes:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))
        return F.relu(y + x)


class ResNet(nn.Module):
    def __init__(self, channels, blocks, widths, imagenet, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widths[0], *((7, 2, 3) if imagenet else (3, 1, 1)), bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.pool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        inputs, layers = widths[0], []
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(Block(inputs, width, 2 if stage > 0 and block == 0 else 1, imagenet))
                inputs = width
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.layers(self.pool(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


def network(work):
    if work["network"] == "ResNet-18":
        return ResNet(work["channels"], 2, [64, 128, 256, 512], True, 1000)
    if work["network"] != "ResNet-20":
        raise ValueError(f"{work['network']} is not among the compared networks")
    width = work.get("width", 16)
    return ResNet(work["channels"], 3, [width, 2 * width, 4 * width], False, 10)


def fold(model):
    """Every batch norm into the convolution before it."""
    for module in model.modules():
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("0", "1")):
            pair = [module._modules.get(conv), module._modules.get(norm)]
            if isinstance(pair[0], nn.Conv2d) and isinstance(pair[1], nn.BatchNorm2d):
                module._modules[conv] = fuse_conv_bn_eval(*pair)
                module._modules[norm] = nn.Identity()
    return model


def prepare(work, variant):
    kind = work["kind"]
    if kind == "gemm":
        shape_a = (work["k"], work["m"]) if work.get("transposeA") else (work["m"], work["k"])
        shape_b = (work["n"], work["k"]) if work.get("transposeB") else (work["k"], work["n"])
        a, b, c = torch.randn(shape_a), torch.randn(shape_b), torch.empty(work["m"], work["n"])
        a = a.T if work.get("transposeA") else a
        b = b.T if work.get("transposeB") else b
        return lambda: torch.mm(a, b, out=c)
    if kind == "convolution":
        size, kernel, stride = work["size"], work["kernel"], work.get("stride", 1)
        x = torch.randn(work["N"], work["C"], size, size)
        w = torch.randn(work["O"], work["C"], kernel, kernel)
        forward = lambda: F.conv2d(x, w, stride=stride, padding=kernel // 2)
        gy = torch.randn_like(forward())
        if work["pass"] == "forward":
            def run():
                with torch.no_grad():
                    forward()
            return run
        masks = {"all": (True, True), "inputGradient": (True, False), "weightGradient": (False, True)}
        if work["pass"] == "all":
            x.requires_grad_()
            w.requires_grad_()
            return lambda: torch.autograd.grad(forward(), (x, w), gy)
        mask = (*masks[work["pass"]], False)
        padding = [kernel // 2] * 2
        return lambda: torch.ops.aten.convolution_backward(
            gy, x, w, None, [stride] * 2, padding, [1, 1], False, [0, 0], 1, mask)
    if kind in ("interpolate", "convTranspose"):
        x = torch.randn(work["N"], work["C"], work["size"], work["size"], requires_grad=True)
        if kind == "interpolate":
            inputs = (x,)
            forward = lambda: F.interpolate(x, scale_factor=2, mode=work["mode"])
        else:
            inputs = (x, torch.randn(work["C"], work["O"], work["kernel"], work["kernel"], requires_grad=True),
                      torch.randn(work["O"], requires_grad=True))
            forward = lambda: F.conv_transpose2d(*inputs, stride=work.get("stride", 1), padding=work["padding"])
        gy = torch.randn_like(forward())
        if work["pass"] == "all":
            return lambda: torch.autograd.grad(forward(), inputs, gy)

        def enlarge():
            with torch.no_grad():
                forward()
        return enlarge
    if kind in ("relu", "add", "batchNormRelu"):
        shape = (work["N"], work["C"], work["size"], work["size"])
        x, gy = torch.randn(shape), torch.randn(shape)
        if kind == "relu":
            return lambda: F.relu(x)
        if kind == "add":
            return lambda: x + gy
        c = work["C"]
        mean, variance = torch.zeros(c), torch.ones(c)
        w, b = torch.ones(c, requires_grad=True), torch.zeros(c, requires_grad=True)
        x.requires_grad_()
        return lambda: torch.autograd.grad(F.relu(F.batch_norm(x, mean, variance, w, b, True)), (x, w, b), gy)
    if kind in ("trainingStep", "inference"):
        model = network(work)
        images = torch.randn(work["batch"], work["channels"], work["size"], work["size"])
        if kind == "inference":
            model.eval()
            model = model if variant == "unfolded" else fold(model)

            def run():
                with torch.no_grad():
                    model(images)
            return run
        labels = torch.randint(10, (work["batch"],))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

        def step():
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        return step
    raise ValueError("cannot")


def main():
    prepared = {}

    def timed(name):
        start = time.perf_counter()
        prepared[name]()
        return 1000 * (time.perf_counter() - start)

    def answer(order):
        if "version" in order:
            return {"version": f"PyTorch {torch.__version__}"}
        if "memory" in order:
            return {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        if "clear" in order:
            prepared.clear()
            return {}
        if "prepare" in order:
            wanted = order["prepare"]
            prepared[wanted["name"]] = prepare(wanted["work"], wanted.get("variant"))
            return {"first": timed(wanted["name"])}
        wanted = order["time"]
        times, end = [], time.perf_counter() + wanted["seconds"]
        while not times or time.perf_counter() < end:
            times.append(timed(wanted["name"]))
        return {"times": times}

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # whatever a library throws is the answer
            reply = {"cannot": str(error).split("\n")[0]}
        print(f"@bench {json.dumps(reply)}", flush=True)


main()
