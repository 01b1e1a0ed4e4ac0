"""Compares one network's results with torchvision's. Called by torchvision.test.ts; needs torch and torchvision, no more.

    compare.py                 says which torch and torchvision are here, or why they cannot be used (exit code 3)
    compare.py MODEL FILE      reads FILE, a safetensors file with
                                   state/NAME                    weights and running statistics, by torchvision's names
                                   x, labels                     a batch
                                   evaluated                     our logits for it in evaluation mode
                                   trained/logits, trained/loss  ours in training mode
                                   running/NAME                  our running statistics after that
                                   small/x, small/labels         a batch of smaller images
                                   gradient/NAME                 our gradients of its loss in training mode
                               and prints, as JSON, the relative error of each result against torchvision in float64, beside
                               that of torchvision itself in the type that ours has: {NAME: [ours, theirs]}
"""
import json
import struct
import sys
import types


def load_torch():
    # torchvision's compiled operations may not load against this torch. Its models are Python alone: their registrations
    # are all that is left out.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    import torch
    import torchvision

    return torch, torchvision


def read_safetensors(torch, path):
    kinds = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            kind = kinds[entry["dtype"]]
            flat = torch.frombuffer(data, dtype=kind, count=(end - begin) // kind.itemsize, offset=begin)
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def network(torch, torchvision, name, given, dtype):
    options = {"dropout": 0.0, "init_weights": False} if name.startswith("vgg") else {}
    model = getattr(torchvision.models, name)(weights=None, num_classes=given["evaluated"].shape[1], **options)
    model.load_state_dict({key.removeprefix("state/"): t for key, t in given.items() if key.startswith("state/")})
    return model.to(dtype)


def values(torch, model, given, dtype):
    """Logits in both modes, loss and running statistics."""
    x = given["x"].to(dtype)
    with torch.no_grad():
        results = {"evaluated": model.eval()(x)}
        logits = model.train()(x)
    results["trained/logits"] = logits
    results["trained/loss"] = torch.nn.functional.cross_entropy(logits, given["labels"].long())
    return results | {"running/" + key: b for key, b in model.named_buffers() if not key.endswith("tracked")}


def gradients(torch, model, given, dtype):
    logits = model.train()(given["small/x"].to(dtype))
    torch.nn.functional.cross_entropy(logits, given["small/labels"].long()).backward()
    return {"gradient/" + key: p.grad for key, p in model.named_parameters()}


def error(got, reference, least=0.0):
    """|got - reference| / |reference|, both norms. `least` is the smallest norm that counts as one."""
    if got.shape != reference.shape:
        return float("inf")
    return (got.double() - reference).norm().item() / max(reference.norm().item(), least)


def main():
    try:
        torch, torchvision = load_torch()
    except ImportError as problem:
        print(problem)
        return 3
    if len(sys.argv) == 1:
        print(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
        return 0
    _, name, path = sys.argv
    given = read_safetensors(torch, path)

    def results(compute, dtype):
        return compute(torch, network(torch, torchvision, name, given, dtype), given, dtype)

    reference = results(values, torch.float64)
    theirs = results(values, torch.float32)
    errors = {key: [error(given[key], t), error(theirs[key], t)] for key, t in reference.items()}
    reference = results(gradients, torch.float64)
    # A bias before a batch norm has no gradient but rounding errors: they are held against the largest gradient there is.
    least = max(t.norm().item() for t in reference.values())
    errors |= {key: [error(given[key], t, least if key.endswith("bias") else 0.0), 0.0] for key, t in reference.items()}
    unknown = {key for key in given if key.startswith(("running/", "gradient/"))} - set(errors)
    if unknown:
        print(f"torchvision has no {', '.join(sorted(unknown))}")
        return 1
    print(json.dumps(errors))
    return 0


sys.exit(main())
