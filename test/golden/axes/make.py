"""Makes axes.json beside it: PyTorch 1.13's results and gradients of what works along axes, in the format of ../README.md."""
import json, torch, torch.nn.functional as F
torch.manual_seed(0)
cases = []

def stored(t): return {"shape": list(t.shape), "values": [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]}
def reference(t): return {**stored(t), "dtype": "float64", "rtol": 1e-5, "atol": 2e-6}

def case(op, name, f, inputs, attrs={}):
    """f(inputs by name) gives y, or the outputs by name; the gradients are those of y."""
    leaves = {k: t.clone().requires_grad_() for k, t in inputs.items()}
    out = f(leaves)
    out = out if isinstance(out, dict) else {"y": out}
    c = {"op": op, "name": f"{op} {name}", "attrs": attrs, "inputs": {k: stored(t) for k, t in inputs.items()},
         "outputs": {k: reference(t) for k, t in out.items()}}
    if "y" in out:
        up = torch.randn(out["y"].shape)
        out["y"].backward(up)
        c |= {"grad_outputs": {"y": stored(up)}, "grads": {k: reference(t.grad) for k, t in leaves.items()}}
    cases.append(c)

ties = torch.tensor([[2.0, -1, 3, -1], [0, 0, 0, 0], [5, 4, 4, 6]])
for dims in ([0], [1], [0, 1]):
    for keepdim in (False, True):
        case("amin", f"{dims} {keepdim}", lambda t: torch.amin(t["x"], dims, keepdim), {"x": ties}, {"dims": dims, "keepdim": keepdim})
case("amin", "3-D", lambda t: torch.amin(t["x"], (0, 2)), {"x": torch.randn(3, 5, 7)}, {"dims": [0, 2], "keepdim": False})
for dim in (0, 1, -1):
    def min_dim(t):
        r = torch.min(t["x"], dim)
        return {"y": r.values, "indices": r.indices}
    case("min_dim", f"{dim}", min_dim, {"x": ties}, {"dim": dim, "keepdim": False})
for dim in (None, 0, 1):
    case("argmin", f"{dim}", lambda t: {"indices": torch.argmin(t["x"], dim)}, {"x": ties}, {"dim": dim, "keepdim": False})

zero1, zero2 = torch.randn(4, 5), torch.randn(4, 5)
zero1[1, 2] = 0
zero2[1, 2] = zero2[1, 4] = zero2[3, 0] = 0
for name, x in (("no zero", torch.randn(4, 5)), ("one zero", zero1), ("two zeros", zero2)):
    case("prod", f"{name}, all", lambda t: torch.prod(t["x"]), {"x": x}, {"dims": None, "keepdim": False})
    for dim in (0, 1):
        case("prod", f"{name}, {dim}", lambda t: torch.prod(t["x"], dim, dim == 0), {"x": x}, {"dims": [dim], "keepdim": dim == 0})
case("prod", "of nothing", lambda t: torch.prod(t["x"], 1), {"x": torch.zeros(2, 0)}, {"dims": [1], "keepdim": False})
for shape, axis in (((7,), 0), ((3, 5), 0), ((3, 5), -1), ((2, 3, 4, 5), 1), ((2, 3, 1), 2), ((2, 0, 3), 1)):
    case("cumsum", f"{list(shape)} {axis}", lambda t: torch.cumsum(t["x"], axis), {"x": torch.randn(shape)}, {"axis": axis})

for equation, *shapes in (
    ("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk", (3, 4), (4, 5)), ("ij,kj->ki", (3, 4), (5, 4)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("i,j->ij", (3,), (4,)), ("i,i->", (5,), (5,)), ("i,i->i", (5,), (5,)), ("ij,ij->i", (3, 4), (3, 4)), ("ii", (4, 4)), ("ii->i", (4, 4)),
    ("iji->j", (3, 4, 3)), ("iii->i", (3, 3, 3)), ("ij->ji", (3, 4)), ("ba", (3, 4)), ("ij->", (3, 4)), ("ijk->k", (2, 3, 4)), ("aB,bA", (2, 3), (4, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)), ("...,...", (2, 3), (3,)), ("...i,i...->...", (2, 3), (3, 2)), ("b...,b...->b...", (2, 1, 4), (2, 3, 1)),
    ("ij...,jk...->ik...", (2, 3, 5), (3, 4, 1)), ("...ij->ij", (2, 3, 4)), ("...i,...j->ij", (5, 2), (5, 3)), ("i,i->i", (1,), (3,)), ("ij,jk->ik", (3, 1), (4, 5)),
    ("bn,anm,bm->ba", (2, 5), (3, 5, 4), (2, 4)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("ii,ij,j->", (3, 3), (3, 4), (4,)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    (" i j , j k -> k i ", (2, 3), (3, 4)), (",", (), ()), ("->", ()), ("ij,", (2, 3), ()), ("ab,cd->acbd", (2, 3), (4, 5)), ("nct,ct->n", (2, 3, 4), (3, 4)),
    ("i->", (0,)), ("ij,jk->ik", (2, 0), (0, 3)), ("i...,j->...ij", (2,), (3,)), ("ij,jk->k", (3, 4), (4, 5)),
):
    inputs = {f"x{i}": torch.randn(s) for i, s in enumerate(shapes)}
    case("einsum", f"{equation} {[list(s) for s in shapes]}", lambda t: torch.einsum(equation, *t.values()), inputs, {"equation": equation})

for x, w, options in (
    ((2, 3, 9), (4, 3, 3), {}), ((1, 2, 7), (3, 2, 4), {"stride": 2, "padding": 3}), ((2, 4, 11), (6, 2, 3), {"padding": 1, "groups": 2}),
    ((2, 3, 10), (3, 1, 3), {"groups": 3, "dilation": 2, "padding": 2}), ((1, 5, 4), (2, 5, 1), {}), ((2, 2, 13), (3, 2, 3), {"stride": 3, "dilation": 3}),
):
    for bias in (True, False):
        inputs = {"x": torch.randn(x), "w": torch.randn(w)} | ({"b": torch.randn(w[0])} if bias else {})
        case("conv1d", f"{list(x)} {list(w)} {options} {bias}", lambda t: F.conv1d(t["x"], t["w"], t.get("b"), **options), inputs, options)

for shape in ((2, 3, 4, 5), (3, 2, 7), (1, 4, 1, 3), (2, 2, 2, 3, 2)):
    for names, eps in (((), 1e-5), (("weight", "bias"), 0.1), (("weight",), 1e-5), (("bias",), 0.1)):
        inputs = {"x": 3 * torch.randn(shape) + 1, **{n: torch.randn(shape[1]) for n in names}}
        case("instance_norm", f"{list(shape)} {names} {eps}", lambda t: F.instance_norm(t["x"], weight=t.get("weight"), bias=t.get("bias"), eps=eps), inputs, {"eps": eps})

for shape in ((5, 3), (3, 2, 7), (1, 4, 5)):
    def batch_norm1d(t):
        m = torch.nn.BatchNorm1d(shape[1])
        return {"y": F.batch_norm(t["x"], m.running_mean, m.running_var, t["weight"], t["bias"], True, 0.3), "running_mean": m.running_mean, "running_var": m.running_var}
    case("batch_norm1d", f"{list(shape)}", batch_norm1d, {"x": 3 * torch.randn(shape) + 1, "weight": torch.randn(shape[1]), "bias": torch.randn(shape[1])})

for shape, layer in (((2, 3, 6), torch.nn.InstanceNorm1d), ((2, 2, 3, 4), torch.nn.InstanceNorm2d)):
    def tracked(t):
        m = layer(shape[1], momentum=0.3, track_running_stats=True)
        m(t["x"]), m(2 * t["x"] + 1)
        return {"y": m.eval()(t["x"]), "running_mean": m.running_mean, "running_var": m.running_var, "num_batches_tracked": m.num_batches_tracked}
    case("instance_norm_tracked", f"{list(shape)}", tracked, {"x": torch.randn(shape)})

json.dump({"family": "axes", "torch": torch.__version__, "cases": cases}, open("axes.json", "w"))
print(torch.__version__, len(cases))
