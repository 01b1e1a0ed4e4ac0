"""Makes element_losses.json beside it: PyTorch 1.13's losses of single elements, with the gradients of both arguments."""
import json, torch, torch.nn.functional as F
torch.manual_seed(0)
x = torch.linspace(-3, 3, 12).reshape(3, 4)
t = torch.tensor([[0.5, -1.0, 2.0, -3.0], [0.0, -0.25, 1.0, 4.5], [1.5, -0.75, 0.25, 3.0]])
logp = F.log_softmax(torch.linspace(-2, 2, 12).reshape(3, 4) ** 2, 1)
p = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]])
up = torch.linspace(-1, 2, 12).reshape(3, 4)
def run(f, x, t, red):
    x, t = x.clone().requires_grad_(), t.clone().requires_grad_()
    y = f(x, t, red)
    y.backward(up if y.ndim else torch.tensor(1.5))
    return {"y": y.detach().flatten().tolist(), "x": x.grad.flatten().tolist(), "target": t.grad.flatten().tolist()}
cases = []
def case(name, f, x, t, reds=("mean", "sum", "none")):
    for red in reds: cases.append({"name": f"{name} {red}", **run(f, x, t, red)})
case("l1Loss", lambda x, t, r: F.l1_loss(x, t, reduction=r), x, t)
for d in (1.0, 0.7): case(f"huberLoss {d}", lambda x, t, r: F.huber_loss(x, t, reduction=r, delta=d), x, t)
for b in (1.0, 0.7): case(f"smoothL1Loss {b}", lambda x, t, r: F.smooth_l1_loss(x, t, reduction=r, beta=b), x, t)
kl = lambda log: lambda x, t, r: F.kl_div(x, t, reduction=r, log_target=log)
case("klDivLoss", kl(False), logp, p.clamp(min=0.01), ("mean", "sum", "none", "batchmean"))
case("klDivLoss log", kl(True), logp, torch.log(p + 0.1), ("mean", "sum", "none", "batchmean"))
y0 = F.kl_div(logp, p, reduction="none").flatten().tolist()
json.dump({"x": x.flatten().tolist(), "t": t.flatten().tolist(), "logp": logp.flatten().tolist(), "p": p.flatten().tolist(), "clamped": p.clamp(min=0.01).flatten().tolist(), "logt": torch.log(p + 0.1).flatten().tolist(), "up": up.flatten().tolist(), "zeros": y0, "cases": cases}, open("element_losses.json", "w"))
print(torch.__version__, len(cases))
