"""Makes choosing.json beside it: PyTorch 1.13's operations that round, compare, choose and crop, with gradients.

Arrays are [shape, base64 of little-endian float32]: among them are NaN, infinities, zeros of both signs and ties.
"""
import base64, json, pathlib, torch, torch.nn.functional as F

NAN, INF = float("nan"), float("inf")
torch.manual_seed(0)
cases = []

def packed(t):
    t = t.detach().to(torch.float32).contiguous()
    return [list(t.shape), base64.b64encode(t.numpy().astype("<f4").tobytes()).decode()]

def case(op, f, inputs, args=None, differentiable=True):
    """f(*inputs) -> y, or (y, indices). The upstream gradient is random, of quarters: their sums are exact."""
    leaves = [x.clone().requires_grad_(differentiable) for x in inputs]
    out = f(*leaves)
    y, indices = out if isinstance(out, tuple) else (out, None)
    up, grads = None, []
    if differentiable:
        up = torch.randint(-8, 9, y.shape) / 4
        y.backward(up)
        grads = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
    cases.append({
        "op": op, "args": args or [], "inputs": [packed(x) for x in inputs], "y": packed(y),
        "up": None if up is None else packed(up), "grads": [packed(g) for g in grads],
        "indices": None if indices is None else indices.flatten().tolist(),
    })

special = torch.tensor([-INF, -1e9, -100, -2.5, -1.5, -1, -0.5, -0.3, -0.0, 0.0, 0.3, 0.5, 1, 1.5, 2.5, 3.5, 8388607.5, 1e9, INF, NAN])
some = torch.randn(3, 7) * 3
for x in (special, some, torch.zeros(0, 3), torch.tensor(-0.7)):
    for op in ("round", "floor", "ceil"):
        case(op, getattr(torch, op), [x])
    for alpha in (1.0, 0.3):
        case("elu", lambda x: F.elu(x, alpha), [x], [alpha])
    for low, high in ((-0.5, None), (None, 1.5), (-0.5, 1.5), (1.5, -0.5), (-INF, INF), (INF, None)):
        case("clamp", lambda x: torch.clamp(x, low, high), [x], [low, high])

pairs = [
    (special, special.flip(0)),
    (special, special),
    (torch.randint(-2, 3, (3, 1, 5)).float(), torch.randint(-2, 3, (4, 1)).float()),
    (torch.tensor(0.25), torch.tensor([[0.25, NAN, -0.25]])),
    (torch.zeros(0, 3), torch.zeros(3)),
]
for a, b in pairs:
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        case(op, lambda a, b: getattr(torch, op)(a, b).float(), [a, b], differentiable=False)

conditions = [
    (torch.tensor([0.0, -0.0, NAN, 3, INF, 0, -1]), special[:7], special[-7:]),
    (torch.randint(0, 2, (3, 1, 5)).float(), torch.randn(4, 1), torch.randn(2, 1, 1, 5)),
    (torch.randint(0, 2, (4, 5)).float(), torch.tensor(NAN), torch.randn(5)),
    (torch.tensor(1.0), torch.randn(2, 3), torch.tensor([INF, NAN, 0])),
    (torch.zeros(1, 3), torch.zeros(0, 1), torch.randn(3)),
]
for c, a, b in conditions:
    case("where", lambda a, b: torch.where(c != 0, a, b), [a, b], [packed(c)])

# Without ties, whose order PyTorch leaves open.
mixed = torch.tensor([1.0, NAN, -INF, 3, INF, -2])
for x, k, axis in ((torch.randn(7), 3, 0), (torch.randn(3, 5, 4), 2, 1), (torch.randn(4, 3), 4, 0), (torch.randn(2, 9), 0, -1), (mixed, 6, 0)):
    for largest in (True, False):
        case("topK", lambda x: tuple(torch.topk(x, k, axis, largest)), [x], [k, axis, largest])

# PyTorch counts the sides from the last axis.
for x, pads, value in (
    (torch.randn(5, 6), [[-1, -2], [0, -3]], 0),
    (torch.randn(2, 3, 5, 4), [[0, 0], [1, 0], [-1, 1], [1, -1]], -2.5),
    (torch.randn(3), [[-3, 2]], 0.5),
    (torch.randn(3), [[-1, -2]], 0),
    (torch.randn(2, 3), [[-2, 3], [2, -3]], 1),
):
    case("pad", lambda x: F.pad(x, [p for pair in reversed(pads) for p in pair], value=value), [x], [pads, value])

for labels, classes in ((torch.tensor([2, 0, 1, 2]), 4), (torch.tensor([[1, 0], [2, 2]]), 3), (torch.zeros(0, dtype=torch.long), 2)):
    case("oneHot", lambda x: F.one_hot(x.long(), classes), [labels.float()], [classes], differentiable=False)

for c in cases:
    c["args"] = [str(a).replace("inf", "Infinity") if isinstance(a, float) and abs(a) == INF else a for a in c["args"]]
pathlib.Path(__file__).with_name("choosing.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(torch.__version__, len(cases))
