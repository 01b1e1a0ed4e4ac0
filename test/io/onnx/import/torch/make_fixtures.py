"""Writes small networks as torch.onnx.export does, and what PyTorch computes with them.

    python3 make_fixtures.py        PyTorch 1.13; the tests need only the files that it writes

NAME.onnx is the network; NAME.json has an input, the output in evaluation, and, for `trained`, the output in training,
the gradients of sum(y * upstream) and the running statistics after that step.
"""
import json
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F

here = pathlib.Path(__file__).parent
PRESERVE = torch.onnx.TrainingMode.PRESERVE


class Residual(nn.Module):
    """Batch norms, a projection, and flatten(x, 1)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.shortcut = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4 * 3 * 3, 3)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))
        y = F.max_pool2d(y, 2)
        return self.fc(torch.flatten(y, 1))


class Viewed(nn.Module):
    """Shapes computed in the graph: view, chunk, cat, pad, slices, interpolate."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.up = nn.Conv2d(6, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.tensor([0.5, 1.5]))
        self.fc = nn.Linear(2 * 6 * 6, 5)

    def forward(self, x):
        y = F.leaky_relu(self.down(x), 0.2)
        y = F.interpolate(y, scale_factor=2.0, mode="nearest")
        y = F.elu(self.up(torch.cat([y, x], 1)))
        a, b = y.chunk(2, 1)
        y = a * torch.sigmoid(b) * self.scale.view(1, 2, 1, 1)
        y = F.pad(y, (1, 0, 0, 1))[:, :, 1:, :-1]
        y = F.avg_pool2d(y, 3, 1, 1, count_include_pad=False) - y.mean((2, 3), keepdim=True)
        y = y.view(y.size(0), -1)
        return F.log_softmax(self.fc(y), 1)


class Normalised(nn.Module):
    """The other norms and activations, attention's products, and a bias that MatMul cannot have."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.position = nn.Parameter(torch.randn(1, 4, 8))
        self.group = nn.GroupNorm(2, 4)
        self.instance = nn.InstanceNorm2d(4, affine=True)
        self.prelu = nn.PReLU(4)
        self.bn = nn.BatchNorm1d(8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        y = self.embed(x) + self.position
        B, T, C = y.shape
        q, k, v = self.qkv(self.norm(y)).reshape(B, T, 3, 2, 4).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-2, -1) / 4**0.5, -1)
        y = y + F.gelu((weights @ v).transpose(1, 2).reshape(B, T, C))
        image = self.prelu(self.instance(F.hardswish(self.group(y.unsqueeze(3)))))
        y = image.squeeze(3).clamp(-2, 2)
        y = F.selu(self.bn(y.mean(1))) + F.softplus(y[:, 0]) + F.hardsigmoid(y[:, -1])
        return self.fc(y)


def disturbed(model, seed):
    torch.manual_seed(seed)
    for p in model.parameters():
        p.data.add_(0.2 * torch.randn_like(p))
    for name, b in model.named_buffers():
        if name.endswith("running_mean"):
            b.add_(0.2 * torch.randn_like(b))
        if name.endswith("running_var"):
            b.mul_(1 + torch.rand_like(b))
    return model


def values(t):
    return {"shape": list(t.shape), "data": [float(v) for v in t.detach().flatten()]}


def write(name, model, x, opset, folded=False, trained=False):
    model.eval()
    record = {"x": values(x), "y": values(model(x)), "names": list(model.state_dict())}
    example = x[:1] if x.shape[0] > 1 else x
    torch.onnx.export(
        model,
        example,
        here / f"{name}.onnx",
        opset_version=opset,
        training=torch.onnx.TrainingMode.EVAL if folded else PRESERVE,
        do_constant_folding=folded,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
    )
    if trained:
        model.train()
        x = x.clone().requires_grad_()
        y = model(x)
        upstream = torch.randn_like(y)
        (y * upstream).sum().backward()
        record["training"] = {
            "y": values(y),
            "upstream": values(upstream),
            "gx": values(x.grad),
            "gradients": {name: values(p.grad) for name, p in model.named_parameters()},
            "buffers": {n: values(b) for n, b in model.named_buffers() if n.endswith(("mean", "var"))},
        }
    (here / f"{name}.json").write_text(json.dumps(record))


torch.manual_seed(0)
images, tokens = torch.randn(3, 2, 6, 6), torch.randn(3, 4, 6)
write("residual", disturbed(Residual(), 1), images, 13, trained=True)
write("residual-folded", disturbed(Residual(), 1), images, 11, folded=True)
write("viewed-9", disturbed(Viewed(), 2), images, 9)
write("viewed-11", disturbed(Viewed(), 2), images, 11)
write("viewed-16", disturbed(Viewed(), 2), images, 16)
write("normalised", disturbed(Normalised(), 3), tokens, 14, trained=True)
write("normalised-folded", disturbed(Normalised(), 3), tokens, 16, folded=True)
