"""
Makes the .pth files and expected.json beside it: checkpoints of PyTorch 1.13's optimisers after 4 steps, and the weights after 3 more.
Run in this folder. ours/*.pth were written by test/io/pth/optimizer.test.ts (SKIPSTONE_WRITE=1); `python make.py ours` has PyTorch
load them, go on for 3 steps, and writes ours.json.
"""
import copy, json, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from gen import gen_f32

def tensor(name, *shape): return torch.from_numpy(gen_f32(f"pth-optimizers/{name}", shape))
X, Y = tensor("X", 9, 5), tensor("Y", 9, 3)

def problem():
    """W, b, and a scale that is frozen: no gradient ever reaches it."""
    return {"W": tensor("W", 5, 3).requires_grad_(), "s": torch.ones(3), "b": tensor("b", 3).requires_grad_()}

def steps(p, o, n):
    for _ in range(n):
        o.zero_grad(); (((X @ p["W"]) * p["s"] + p["b"] - Y) ** 2).mean().backward(); o.step()

def numbers(p): return {k: v.detach().flatten().tolist() for k, v in p.items()}
def state(p): return {k: v.detach().clone() for k, v in p.items()}
one = lambda p: list(p.values())
two = lambda **own: lambda p: [{"params": [p["W"], p["s"]]}, {"params": [p["b"]], **own}]
O = torch.optim
CASES = {
    "sgd": (one, lambda g: O.SGD(g, lr=0.1)),
    "sgd_momentum": (one, lambda g: O.SGD(g, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)),
    "sgd_groups": (two(lr=0.02, momentum=0.5, weight_decay=0), lambda g: O.SGD(g, lr=0.1, momentum=0.9, weight_decay=0.1, dampening=0.2)),
    "adam": (one, lambda g: O.Adam(g, lr=0.02, betas=(0.8, 0.95), weight_decay=0.01)),
    "adam_amsgrad": (one, lambda g: O.Adam(g, lr=0.02, amsgrad=True, maximize=True)),
    "adamw": (two(weight_decay=0.0), lambda g: O.AdamW(g, lr=0.02, weight_decay=0.1)),
    "rmsprop": (one, lambda g: O.RMSprop(g, lr=0.01)),
    "rmsprop_all": (one, lambda g: O.RMSprop(g, lr=0.01, alpha=0.9, eps=1e-3, momentum=0.8, centered=True, weight_decay=0.01)),
}

def made():
    expected = {}
    for name, (groups, make) in CASES.items():
        p = problem(); o = make(groups(p)); steps(p, o, 4)
        for g in o.param_groups: g["lr"] *= 0.5  # as a schedule leaves it
        torch.save({"epoch": 3, "model": state(p), "optimizer": o.state_dict()}, f"{name}.pth", _use_new_zipfile_serialization=name != "sgd_momentum")
        if name == "adam":  # as PyTorch before 1.12 wrote it: steps are numbers, and options are missing
            d = copy.deepcopy(o.state_dict())
            for s in d["state"].values(): s["step"] = int(s["step"])
            for g in d["param_groups"]:
                for k in ("maximize", "foreach", "capturable", "differentiable", "fused"): g.pop(k, None)
            torch.save(d, "adam_old.pth")
            # As PyTorch 2 writes it where the optimiser was given its rate as a tensor.
            d = copy.deepcopy(o.state_dict())
            for g in d["param_groups"]: g["lr"] = torch.tensor(g["lr"])
            torch.save(d, "adam_tensor_lr.pth")
        steps(p, o, 3)
        expected[name] = numbers(p)
    expected["adam_old"] = expected["adam_tensor_lr"] = expected["adam"]
    p = problem(); o = O.Adagrad(one(p), lr=0.1); steps(p, o, 1); torch.save(o.state_dict(), "adagrad.pth")
    # Lightning's way, and only what is trained
    p = problem(); o = O.SGD([p["b"], p["W"]], lr=0.1, momentum=0.9); steps(p, o, 4)
    torch.save({"state_dict": state(p), "optimizer_states": [o.state_dict()]}, "other_order.pth")
    steps(p, o, 3); expected["other_order"] = numbers(p)
    json.dump(expected, open("expected.json", "w"))

def ours():
    expected = {}
    for name, (groups, make) in CASES.items():
        c = torch.load(f"ours/{name}.pth")
        p = problem(); o = make(groups(p))
        with torch.no_grad():
            for k, v in p.items(): v.copy_(c["model"][k])
        for g in o.param_groups: g["lr"] = 123.0  # must be the file's
        o.load_state_dict(c["optimizer"])
        steps(p, o, 3)
        expected[name] = numbers(p)
    json.dump(expected, open("ours.json", "w"))

ours() if sys.argv[1:] == ["ours"] else made()
