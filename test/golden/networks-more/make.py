"""
Makes networks_more.json beside it: dilated ResNets and VGGs on images that are not square, by torchvision 0.14; squeeze-and-excitation by
torchvision.ops; blur pooling by its definition in PyTorch. Weights are formulas (../README.md) of their names. Computed in
float64: in float32 a ReLU of dilated_all is open at a sum of 1e-7 that is below 0, and the gradient's norm 7e-5 too large. Run in this folder.
"""
import json, math, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch, torchvision, torch.nn.functional as F
from gen import gen_f32
from torchvision.models.resnet import Bottleneck, ResNet

def fill(model, name):
    """Gains of 1 in convolutions and linear layers, norms near the identity."""
    scales = {}
    with torch.no_grad():
        for k, v in model.state_dict().items():
            if k.endswith("num_batches_tracked"): continue
            fan = math.prod(v.shape[1:]) if v.dim() > 1 else 0
            scale, offset = (math.sqrt(6 / fan), 0.0) if fan else (0.1, 1.0 if k.endswith("running_var") or ("bn" in k or "downsample.1" in k) and k.endswith("weight") else 0.0)
            v.copy_(torch.from_numpy(gen_f32(f"more/{name}/{k}", list(v.shape), scale, offset)))
            scales[k] = [scale, offset]
    return scales

def image(name, *shape): return torch.from_numpy(gen_f32(f"more/{name}/x", list(shape)))
cases = {}
def case(name, model, *shape, **more):
    scales = fill(model, name)
    model.double()
    x = image(name, *shape).double().requires_grad_()
    shapes = []
    for child in model.children(): child.register_forward_hook(lambda m, i, o: shapes.append(list(o.shape)))
    y = model.eval()(x)
    y.sum().backward()
    cases[name] = {"shape": list(shape), "scales": scales, "y": y.detach().flatten().tolist(), "yShape": list(y.shape), "gradNorm": float(x.grad.norm()), "shapes": shapes, **more}

for name, flags in {"dilated": [False, True, True], "dilated_last": [False, False, True], "dilated_all": [True, True, True]}.items():
    case(name, ResNet(Bottleneck, [1, 2, 2, 2], num_classes=5, replace_stride_with_dilation=flags), 1, 3, 65, 97, flags=flags)
for name, grid, size in [("vgg_wide", (7, 7), (1, 3, 64, 224)), ("vgg_tall", (7, 7), (1, 3, 97, 33)), ("vgg_grid", (2, 3), (1, 3, 70, 129))]:
    model = torchvision.models.vgg11(num_classes=4)
    model.avgpool = torch.nn.AdaptiveAvgPool2d(grid)
    model.classifier = torch.nn.Sequential(torch.nn.Linear(512 * grid[0] * grid[1], 6), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(6, 4))
    case(name, model, *size, grid=list(grid))
case("se", torchvision.ops.SqueezeExcitation(6, 2), 2, 6, 5, 3)

class Blur(torch.nn.Module):
    def __init__(self, stride): super().__init__(); self.stride = stride
    def forward(self, x):
        f = torch.tensor([1.0, 2.0, 1.0]); f = (f[:, None] * f[None, :] / 16).to(x).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), f, stride=self.stride, groups=x.shape[1])
case("blur1", Blur(1), 2, 3, 4, 5, stride=1)
case("blur2", Blur(2), 2, 3, 7, 6, stride=2)
case("blur3", Blur(3), 1, 2, 7, 2, stride=3)
json.dump({"torch_version": torch.__version__, "torchvision_version": torchvision.__version__, "cases": cases}, open("networks_more.json", "w"))
print({k: (v["y"][:3], v["gradNorm"]) for k, v in cases.items()})
