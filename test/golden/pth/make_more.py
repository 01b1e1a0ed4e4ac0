"""Makes the files of this folder that are listed in more.json. Run: python make_more.py (PyTorch 2.13; no numpy)."""
import argparse
import json
import os
import struct

import torch

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(0)
expected = {}


def strings(t):
    """Every element exactly: integers as decimals, floats as the hexadecimal bits of a float64."""
    t = t.detach().reshape(-1)
    if t.dtype.is_floating_point:
        return [struct.pack(">d", x).hex() for x in t.to(torch.float64).tolist()]
    return [str(int(x)) for x in t.tolist()]


def save(name, obj, tensors=None, note="", **options):
    path = os.path.join(here, name)
    torch.save(obj, path, **options)
    tensors = obj if tensors is None else tensors
    expected[name] = {"note": note, "tensors": {
        key: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": strings(t)}
        for key, t in tensors.items()}}


model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
state = model.state_dict()
save("protocol5.pth", state, note="pickle protocol 5; an OrderedDict with _metadata", pickle_protocol=5)
wrapped = {f"module._orig_mod.{k}": v for k, v in state.items()}
save("prefixes.pth", wrapped, state, note="DataParallel of a compiled module")
save("parameters.pth", dict(model.named_parameters()), note="Parameters, not tensors")

types = {}
for name in ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]:
    dtype = getattr(torch, name)
    info = torch.iinfo(dtype)
    types[name] = torch.tensor([0, 1, info.min, info.max], dtype=dtype)
types["bool"] = torch.tensor([True, False])
numbers = torch.tensor([0.0, -0.0, 1.5, -448.0, 0.001953125, float("nan")])
for name in ["float8_e4m3fn", "float8_e5m2", "float16", "bfloat16", "float32", "float64"]:
    types[name] = numbers.to(getattr(torch, name))
save("types.pth", types, note="every type; the unsigned and the 8-bit floats by _rebuild_tensor_v3")

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
save("views.pth", {
    "base": base, "permuted": base.permute(2, 0, 1), "slice": base[:, 1:, ::2], "row": base[1, 2], "one": base[0, 0, 1],
    "expanded": base[:, :1, :1].expand(2, 5, 3), "none": base[:0], "channels_last": torch.arange(16.).reshape(1, 2, 2, 4).to(
        memory_format=torch.channels_last)}, note="all but the last on one storage")
save("explosion.pth", {"w": torch.ones(1).expand(100000, 100000)}, {}, note="stride 0: 40 GB of one number")

extras = {"epoch": 3, "lr": 0.5, "name": "tiny", "best": torch.tensor(76.5), "opt": {"state": {0: {"exp_avg": torch.ones(2)}}},
          "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.float16, "list": [1, (2, None, True)]}
save("best_tensor.pth", {**extras, "state_dict": state}, state, note="a tensor beside the state dict")
save("nested_twice.pth", {"model": {"state_dict": state, "epoch": 4}}, state, note="model.state_dict")
save("two_models.pth", {"generator": state, "critic": {"w": torch.ones(2)}}, {}, note="needs the option key")
save("namespace.pth", {"args": argparse.Namespace(lr=0.1, x=[1]), "state_dict": state}, state, note="needs unknownObjects: skip")
torch.save(torch.ones(2), os.path.join(here, "one_tensor.pth"))

legacy = {"a": base, "b": base[1], "n": torch.tensor(7), "h": numbers.half()}
save("legacy_views.pth", {"state_dict": legacy, "epoch": 5}, legacy, note="before 1.6; shared storage",
     _use_new_zipfile_serialization=False)

torch.serialization.set_crc32_options(False)
save("no_checksums.pth", state, note="torch.serialization.set_crc32_options(False)")

with open(os.path.join(here, "more.json"), "w") as f:
    json.dump({"torch": torch.__version__, "files": expected}, f, indent=1)
    f.write("\n")
