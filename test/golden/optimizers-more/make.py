"""
Makes optimizers_more.json beside it, in the format of ../README.md and by the definitions in ../ops.py: RMSprop, AMSGrad, maximize,
and schedules that optimizers.json does not have. Run in this folder with PyTorch 1.13.
"""
import base64, json, math, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
from gen import gen_f32
from ops import OPS, schedule

SHAPES = {"X": [9, 5], "Y": [9, 3], "W": [5, 3], "b": [3]}
def encoded(t, rtol=1e-5, atol=2e-6):
    return {"shape": list(t.shape), "data": base64.b64encode(t.detach().contiguous().numpy().tobytes()).decode(), "rtol": rtol, "atol": atol}
def numbers(values): return {"shape": [len(values)], "dtype": "float64", "values": values, "rtol": 1e-12, "atol": 1e-15}

cases = []
def optimizer(name, **attrs):
    attrs = {"steps": 25, **attrs}
    gens = {k: {"shape": s, "gen": f"more/optimizers/{name}/{k}", "scale": 1.0, "offset": 0.0} for k, s in SHAPES.items()}
    tensors = {k: torch.from_numpy(gen_f32(g["gen"], g["shape"])) for k, g in gens.items()}
    out = {k: encoded(v) for k, v in OPS["optimizer"](tensors, attrs).items()}
    cases.append({"name": name, "op": "optimizer", "attrs": attrs, "inputs": gens, "outputs": out})

optimizer("rmsprop", optimizer="rmsprop", lr=0.01)
optimizer("rmsprop_momentum_wd", optimizer="rmsprop", lr=0.005, alpha=0.9, eps=1e-6, momentum=0.8, weight_decay=0.02)
optimizer("rmsprop_centered", optimizer="rmsprop", lr=0.01, alpha=0.95, eps=1e-4, centered=True)
optimizer("rmsprop_all", optimizer="rmsprop", lr=0.003, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.1, centered=True, maximize=True)
optimizer("rmsprop_groups", optimizer="rmsprop", lr=0.01, momentum=0.9, groups={"b": {"lr": 0.002, "momentum": 0.5, "alpha": 0.8}})
optimizer("adam_amsgrad", optimizer="adam", lr=0.05, betas=[0.9, 0.9], amsgrad=True)
optimizer("adam_amsgrad_wd_maximize", optimizer="adam", lr=0.02, betas=[0.8, 0.95], eps=1e-6, weight_decay=0.1, amsgrad=True, maximize=True)
optimizer("adamw_amsgrad", optimizer="adamw", lr=0.05, betas=[0.9, 0.9], weight_decay=0.1, amsgrad=True)
optimizer("adamw_maximize", optimizer="adamw", lr=0.02, weight_decay=0.1, maximize=True)
optimizer("sgd_maximize", optimizer="sgd", lr=0.01, maximize=True)
optimizer("sgd_maximize_nesterov", optimizer="sgd", lr=0.005, momentum=0.8, weight_decay=0.1, nesterov=True, maximize=True)

def schedules(name, kind, steps, **args):
    attrs = {"schedule": kind, "lr": 0.1, "steps": steps, "args": args}
    lrs, momenta = schedule(attrs)
    out = {"lr": numbers(lrs)}
    if kind == "one_cycle": out["momentum"] = numbers(momenta)
    cases.append({"name": name, "op": "lr_schedule", "attrs": attrs, "inputs": {}, "outputs": out})
cycle = dict(max_lr=0.4, total_steps=30, pct_start=0.3, div_factor=10.0, final_div_factor=100.0, base_momentum=0.8, max_momentum=0.95, three_phase=True)
schedules("one_cycle_three", "one_cycle", 30, **cycle, anneal_strategy="cos")
schedules("one_cycle_three_linear", "one_cycle", 30, **cycle, anneal_strategy="linear")
schedules("one_cycle_three_uneven", "one_cycle", 23, **{**cycle, "total_steps": 23, "pct_start": 0.41}, anneal_strategy="cos")
schedules("one_cycle_three_wide", "one_cycle", 20, **{**cycle, "total_steps": 20, "pct_start": 0.5}, anneal_strategy="linear")
schedules("cosine_restarts", "cosine_restarts", 25, T_0=7, T_mult=1, eta_min=0.0)
schedules("cosine_restarts_doubling", "cosine_restarts", 40, T_0=3, T_mult=2, eta_min=0.01)
schedules("polynomial", "polynomial", 20, total_iters=15, power=1.0)
schedules("polynomial_0.9", "polynomial", 20, total_iters=15, power=0.9)
schedules("polynomial_2", "polynomial", 20, total_iters=12, power=2.0)

# ReduceLROnPlateau: outputs.lr[t] is the rate after the metrics 0 .. t.
METRICS = [round(math.exp(-t / 6) + 0.05 * math.sin(7.0 * t), 6) for t in range(40)] + [math.nan, 0.3, 0.3, 0.2999, -1.0, -1.0, -0.9, -1.00005, -1.2]
def plateau(name, **args):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(o, **args)
    lrs = []
    for m in METRICS: s.step(m); lrs.append(float(o.param_groups[0]["lr"]))
    cases.append({"name": name, "op": "plateau", "attrs": {"lr": 0.1, "metrics": [None if m != m else m for m in METRICS], "args": args}, "inputs": {}, "outputs": {"lr": numbers(lrs)}})
plateau("plateau")
plateau("plateau_patience", patience=2, factor=0.5)
plateau("plateau_none", patience=0, factor=0.9, threshold=0.01)
plateau("plateau_cooldown", patience=1, factor=0.5, cooldown=3)
plateau("plateau_max", mode="max", patience=3, factor=0.5, min_lr=0.02)
plateau("plateau_abs", patience=1, factor=0.3, threshold=0.02, threshold_mode="abs", eps=1e-3)
plateau("plateau_max_abs", mode="max", patience=2, factor=0.2, threshold=0.1, threshold_mode="abs", cooldown=1)

file = {"family": "optimizers_more", "set": "open", "format": 1, "torch_version": torch.__version__, "cases": cases}
json.dump(file, open("optimizers_more.json", "w"))
print(torch.__version__, len(cases))
