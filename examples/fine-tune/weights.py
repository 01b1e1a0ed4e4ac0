"""Writes a checkpoint of a ResNet-18 as torch.save makes it: python3 weights.py [FILE]. Needs torch and NumPy.

Its numbers come from a formula (test/golden/gen.py). They are not trained, but they tell pictures apart: neighbouring input
channels have opposite weights, so what all pictures have in common cancels. torchvision's trained resnet18-f37072fd.pth goes in
its place.
"""
import math
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../test/golden"))
from gen import gen_f32

from train import ResNet18


def formula(name, shape):
    """Offset and scale by the kind of tensor: what keeps the signal's size from block to block."""
    if name == "fc.bias":
        return 0.05, 0.0
    if len(shape) > 1:
        return math.sqrt(6 / math.prod(shape[1:])), 0.0
    if name.endswith("running_var"):
        return 0.1, 1.0
    if name.endswith("weight"):
        return (0.03, 0.3) if name.endswith("bn2.weight") else (0.1, 1.0)
    return 0.1, 0.0


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "out/fine-tune/resnet18.pth"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    state = ResNet18(1000).state_dict()
    for name, t in state.items():
        if t.is_floating_point():
            scale, offset = formula(name, t.shape)
            state[name] = torch.from_numpy(gen_f32(name, tuple(t.shape), scale, offset))
            if t.ndim == 4 and t.shape[1] % 2 == 0:
                state[name][:, 1::2] = -state[name][:, 0::2]
    torch.save(state, path)
    print(f"written: {path}")
