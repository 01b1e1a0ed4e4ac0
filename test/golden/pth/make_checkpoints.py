"""Makes the files of this folder that are listed in checkpoints.json: what training programs save beside weights.
Run: python3 make_checkpoints.py (PyTorch 1.13, numpy; Lightning and torchvision are not needed, their layouts are copied).
"""
import argparse
import collections
import io
import json
import os
import sys
import types
import zipfile

import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(0)
expected = {}


def save(name, obj, state, ignored=(), **options):
    """`ignored`: names in the state dict whose tensors are left out."""
    torch.save(obj, os.path.join(here, name), **options)
    expect(name, state, ignored)


def expect(name, state, ignored=()):
    expected[name] = {"ignored": list(ignored), "tensors": {
        k: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": [
            str(x) for x in t.detach().reshape(-1).to(torch.float64).tolist()]}
        for k, t in state.items()}}


def net():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))


model = net()
state = model.state_dict()

# A training script's own: argparse, numpy scalars, arrays and generators, sets, huge numbers, a path.
import pathlib
args = argparse.Namespace(lr=0.1, arch="resnet18", out=pathlib.Path("runs"), seeds={1, 2}, dtype=torch.float16)
extras = {"args": args, "best": np.float64(0.91), "history": np.arange(6.0).reshape(2, 3), "rng": np.random.get_state(),
          "generator": np.random.default_rng(0), "count": collections.Counter("aab"), "seen": {1, 2}, "huge": 1 << 3000,
          "lists": collections.defaultdict(list, {"a": [1]}), "buffer": bytearray(b"ab"), "complex": 1 + 2j, "range": range(3)}
save("script.pth", {"epoch": 3, "state_dict": state, **extras}, state)
save("script_legacy.pth", {"epoch": 3, "state_dict": state, **extras}, state, _use_new_zipfile_serialization=False)
save("script_protocol4.pth", {"epoch": 3, "state_dict": state, **extras}, state, pickle_protocol=4)
save("script_protocol5.pth", {"epoch": 3, "state_dict": state, **extras}, state, pickle_protocol=5)

# torchvision/references/classification/train.py: model, optimizer, lr_scheduler, epoch, args, model_ema, scaler.
parameters = model.parameters()
optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
model(torch.ones(2, 1, 5, 5)).sum().backward()
optimizer.step()
schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [
    torch.optim.lr_scheduler.LinearLR(optimizer), torch.optim.lr_scheduler.MultiStepLR(optimizer, [30, 60])], [5])
state = model.state_dict()
ema = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, b, n: 0.9 * a + 0.1 * b)
save("torchvision_reference.pth", {"model": state, "optimizer": optimizer.state_dict(), "lr_scheduler": schedule.state_dict(),
                                   "epoch": 7, "args": args, "model_ema": ema.state_dict()}, state)

# Lightning's Trainer.save_checkpoint; before 1.5 callbacks had classes for keys.
def stand_in(path, base):
    """A class as if from the module of this name."""
    names = path.split(".")
    for i in range(1, len(names)):
        sys.modules.setdefault(".".join(names[:i]), types.ModuleType(names[i - 1]))
    made = type(names[-1], (base,), {"__module__": ".".join(names[:-1])})
    setattr(sys.modules[".".join(names[:-1])], names[-1], made)
    return made


ModelCheckpoint = stand_in("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint", object)
AttributeDict = stand_in("pytorch_lightning.utilities.parsing.AttributeDict", dict)
lightning = {f"model.{k}": v for k, v in state.items()}
save("lightning.ckpt.pth", {
    "epoch": 4, "global_step": 100, "pytorch-lightning_version": "1.4.9", "state_dict": collections.OrderedDict(lightning),
    "callbacks": {ModelCheckpoint: {"monitor": "val_loss", "best_model_score": torch.tensor(0.5)}},
    "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [], "hparams_name": "hparams",
    "hyper_parameters": AttributeDict(lr=0.1, backbone=argparse.Namespace(depth=18))}, lightning)

# Tensors of types that are not here, among the weights; a Parameter of one; a sparse one.
types_ = {"scale": torch.quantize_per_channel(torch.ones(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8),
          "fourier": torch.nn.Parameter(torch.ones(3, dtype=torch.complex64)), "sparse": torch.eye(3).to_sparse(),
          "four": torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.quint8)}
save("foreign_types.pth", {**types_, **state}, state, types_)
save("foreign_types_legacy.pth", {**types_, **state}, state, types_, _use_new_zipfile_serialization=False)

# A program that must not run, beside weights.
class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/skipstone-was-here",)
save("evil_beside.pth", {"state_dict": state, "hook": Evil()}, state)


# Archives that were unpacked and packed again, and programs.
def deflated(name, obj, level=9):
    whole = io.BytesIO()
    torch.save(obj, whole)
    path = os.path.join(here, name)
    with zipfile.ZipFile(whole) as a, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as b:
        for entry in a.namelist():
            b.writestr(entry, a.read(entry))
    torch.load(path)  # PyTorch reads it


many = {**state, "zeros": torch.zeros(900), "rows": torch.arange(300.).reshape(30, 10), "noise": torch.rand(100)}
many["column"] = many["rows"][:, 3]
deflated("deflated.pth", many)
expect("deflated.pth", many)
deflated("deflated_fast.pth", many, 1)
expect("deflated_fast.pth", many)
torch.jit.save(torch.jit.script(net()), os.path.join(here, "torchscript.pth"))

# One convolution under 8 names, and a matrix with its transpose.
conv = torch.nn.Conv2d(2, 3, 3)
tied = torch.nn.Sequential(*[conv] * 8).state_dict()
tied["transposed"] = tied["0.weight"].reshape(3, 18).t()
save("tied.pth", tied, tied)
save("tied_legacy.pth", tied, tied, _use_new_zipfile_serialization=False)

with open(os.path.join(here, "checkpoints.json"), "w") as f:
    json.dump({"torch": torch.__version__, "files": expected}, f, separators=(",", ":"))
    f.write("\n")
