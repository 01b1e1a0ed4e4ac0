"""The same program as fine-tune.ts, in PyTorch: python3 train.py [STEPS [WEIGHTS [PICTURES]]] prints its losses.

Needs torch, NumPy and Pillow. The pictures are those that main.ts writes, and the random numbers are those of Skipstone's Rng.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

BITS = 0xFFFFFFFF


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """torchvision's, with its names."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Rng:
    """src/tensor/rng.ts: xoshiro128**, seeded by SplitMix32."""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B9) & BITS
            z = ((seed ^ (seed >> 16)) * 0x85EBCA6B) & BITS
            z = ((z ^ (z >> 13)) * 0xC2B2AE35) & BITS
            self.s.append(z ^ (z >> 16))

    def bits(self):
        rotate = lambda x, k: ((x << k) | (x >> (32 - k))) & BITS
        s = self.s
        result = rotate(s[1] * 5 & BITS, 7) * 9 & BITS
        t = s[1] << 9 & BITS
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 11)
        return result

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * (self.bits() / 2**32)

    def integer(self, n):
        limit = 2**32 - 2**32 % n
        bits = self.bits()
        while bits >= limit:
            bits = self.bits()
        return bits % n

    def permutation(self, n):
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.integer(i + 1)
            order[i], order[j] = order[j], order[i]
        return order

    def fork(self, label):
        bits = self.bits()
        for c in label:
            bits = (bits ^ ord(c)) * 0x01000193 & BITS
        return Rng(bits)


def read_pictures(folder, side=48):
    """Squares with values 0 … 1, labels, and the number of classes."""
    images, labels = [], []
    classes = sorted(os.listdir(folder))
    for label, name in enumerate(classes):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            picture = np.array(Image.open(os.path.join(folder, name, file)).convert("RGB"))
            x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
            height, width = (side * n // min(x.shape[2:]) for n in x.shape[2:])
            x = F.interpolate(x, (height, width), mode="bilinear", antialias=True)
            top, left = round((height - side) / 2), round((width - side) / 2)
            images.append(x[0, :, top : top + side, left : left + side])
            labels.append(label)
    return torch.stack(images), torch.tensor(labels), len(classes)


def augmented(image, rng, padding=4):
    """A random crop of the padded image, and a flip."""
    down, right = rng.integer(2 * padding + 1), rng.integer(2 * padding + 1)
    side = image.shape[1]
    image = F.pad(image, [padding] * 4)[:, down : down + side, right : right + side]
    return image.flip(2) if rng.uniform() < 0.5 else image


def epoch(images, labels, rng, size=16):
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    draws = rng.fork("augment")
    order = rng.permutation(len(images))
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        yield torch.stack([(augmented(images[i], draws) - mean) / std for i in batch]), labels[batch]


def main(steps=20, weights="out/fine-tune/resnet18.pth", pictures="out/fine-tune/pictures"):
    rng = Rng(1)
    images, labels, classes = read_pictures(pictures)
    model = ResNet18(1000)
    model.load_state_dict(torch.load(weights))
    model.fc = nn.Linear(512, classes)
    with torch.no_grad():
        bound = 512**-0.5
        for t in (model.fc.weight, model.fc.bias):
            t.copy_(torch.tensor([rng.uniform(-bound, bound) for _ in range(t.numel())]).reshape(t.shape))
    for part in (model.conv1, model.bn1, model.layer1):
        part.requires_grad_(False)
    model.eval()  # only batch norms differ between the modes

    seen = rng.permutation(len(images))[: len(images) * 4 // 5]
    images, labels = images[seen], labels[seen]
    trained = [(name, t) for name, t in model.named_parameters() if t.requires_grad]
    head = [t for name, t in trained if name.startswith("fc")]
    rest = [t for name, t in trained if not name.startswith("fc")]
    groups = [{"params": head, "lr": 0.01}, {"params": rest, "lr": 0.0005}]
    optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4, lr=0.0005)
    step = 0
    while step < steps:
        for x, y in epoch(images, labels, rng):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            print(f"step {step} of {steps}: loss {loss.item()}")
            if step == steps:
                break


if __name__ == "__main__":
    main(*(int(arg) if i == 0 else arg for i, arg in enumerate(sys.argv[1:])))
