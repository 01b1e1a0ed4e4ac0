"""Makes resize.json beside it: PyTorch 1.13's interpolate and conv_transpose2d, with all gradients, in the format of README.md."""
import base64, json, os, sys
import numpy as np, torch
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from gen import gen_f32
from ops import OPS

cases = []
def reference(t, tol):
    a = t.detach().numpy().astype("<f4")
    return {"shape": list(a.shape), "data": base64.b64encode(a.tobytes()).decode(), "rtol": tol, "atol": tol}

def case(op, shapes, attrs, tol, grads=True):
    name = f"{op} {json.dumps(attrs)} {json.dumps(shapes)}".replace('"', "")
    inputs = {k: {"shape": s, "gen": f"{name}/{k}", "scale": 1, "offset": 0} for k, s in shapes.items()}
    t = {k: torch.from_numpy(gen_f32(v["gen"], v["shape"])).requires_grad_() for k, v in inputs.items()}
    y = OPS[op](t, attrs)["y"]
    up = {"shape": list(y.shape), "gen": f"{name}/gy", "scale": 1, "offset": 0}
    y.backward(torch.from_numpy(gen_f32(up["gen"], up["shape"])))
    cases.append({"name": name, "op": op, "attrs": attrs, "inputs": inputs, "outputs": {"y": reference(y, tol)},
                  **({"grad_outputs": {"y": up}, "grads": {k: reference(v.grad, 4 * tol) for k, v in t.items()}} if grads else {})})

def resize(x, size=None, factor=None, mode="nearest", align=None):
    # Where a factor other than 1 or 2 happens to give the same or twice the length, PyTorch's nearest gradient (and its forward
    # for one channel) takes pixel i or i/2, its forward for several channels floor(i / factor): not each other's derivative.
    odd = mode == "nearest" and factor and any(int(n * f) in (n, 2 * n) and f not in (1, 2) for n, f in zip(x[2:], factor))
    case("interpolate", {"x": x}, {"size": size, "scale_factor": factor, "mode": mode, "align_corners": align}, 2e-6, not odd)

for mode, align in (("nearest", None), ("bilinear", False), ("bilinear", True)):
    for x, size in (([2, 3, 5, 7], [10, 14]), ([1, 2, 5, 7], [8, 9]), ([1, 2, 9, 11], [4, 5]), ([1, 2, 9, 4], [5, 13]),
                    ([1, 3, 6, 5], [6, 5]), ([1, 1, 1, 1], [3, 2]), ([1, 2, 4, 5], [1, 1]), ([1, 2, 3, 1], [7, 6]),
                    ([1, 1, 7, 7], [29, 31]), ([1, 4, 13, 12], [3, 36])):
        resize(x, size, None, mode, align)
    for x, factor in (([2, 3, 5, 7], [2.0, 2.0]), ([1, 2, 5, 7], [1.7, 2.6]), ([1, 2, 9, 10], [0.6, 0.35]), ([1, 2, 10, 3], [2.05, 0.5]),
                      ([1, 2, 6, 7], [1.1, 3.0]), ([1, 3, 20, 21], [0.25, 1.25]), ([1, 1, 10, 10], [0.7, 1.3])):
        resize(x, None, factor, mode, align)

def transposed(x, w, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), dilation=(1, 1), groups=1, b=True):
    attrs = {"stride": list(stride), "padding": list(padding), "output_padding": list(output_padding), "dilation": list(dilation), "groups": groups}
    case("conv_transpose2d", {"x": x, "w": w, **({"b": [w[1] * groups]} if b else {})}, attrs, 2e-5)

transposed([2, 3, 5, 7], [3, 4, 2, 2], (2, 2))
transposed([2, 3, 5, 4], [3, 4, 3, 3], b=False)
transposed([2, 8, 7, 6], [8, 6, 3, 3], padding=(1, 1))
transposed([1, 4, 5, 6], [4, 3, 4, 4], (2, 2), (1, 1))
transposed([1, 4, 5, 6], [4, 3, 3, 3], (2, 2), (1, 1), (1, 1))
transposed([1, 2, 4, 5], [2, 3, 4, 3], (3, 2), (1, 2), (2, 0))
transposed([1, 2, 4, 5], [2, 3, 3, 2], (2, 1), (2, 0), (1, 2), (2, 3))
transposed([2, 4, 5, 3], [4, 3, 3, 3], (2, 2), (1, 1), (0, 0), groups=2)
transposed([1, 6, 5, 4], [6, 1, 3, 3], (2, 2), (1, 1), (1, 1), groups=6)
transposed([1, 4, 3, 3], [4, 5, 1, 1], (2, 2), (0, 0), (1, 1))
transposed([1, 2, 3, 4], [2, 3, 2, 2], (2, 2), (0, 0), (2, 2), (3, 3))
transposed([1, 2, 1, 1], [2, 3, 5, 4], (1, 1), (2, 1))
transposed([2, 16, 9, 11], [16, 8, 3, 3], padding=(1, 1))
transposed([2, 16, 7, 7], [16, 8, 4, 4], (2, 2), (1, 1))

def check(spec):
    a = gen_f32(spec["gen"], spec["shape"])
    first = base64.b64encode(a.ravel()[:8].astype("<f4").tobytes()).decode()
    return {**spec, "first": first, "xor": int(np.bitwise_xor.reduce(a.ravel().view("<u4")))}

checks = [check(spec) for c in cases[:: len(cases) // 4] for spec in c["inputs"].values()]
json.dump({"family": "resize", "set": "open", "format": 1, "torch_version": torch.__version__, "gen_check": checks, "cases": cases},
          open(os.path.join(here, "resize.json"), "w"), separators=(",", ":"))
print(torch.__version__, len(cases))
