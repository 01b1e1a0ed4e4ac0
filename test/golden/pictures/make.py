"""Writes pictures.json: small pictures in the formats that `npm run lab -- classify` reads, each with Pillow's pixels.

Run with Debian 12's python3-pil 9.4 (libjpeg-turbo 2.1.5) and python3-torchvision 0.14.1 (PyTorch 1.13.0):
    /usr/bin/python3 test/golden/pictures/make.py
"""
import base64, io, json, os, struct, zlib
import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(0)


def colours(w, h):
    """Ramps, a chequerboard, noise, and two squares with hard edges of colour."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([x * 255 // (w - 1), y * 255 // (h - 1), (x // 5 + y // 3) % 2 * 255], -1).astype(int)
    a += rng.integers(-20, 21, (h, w, 1))
    a[h // 3 : h // 2, w // 4 : w // 2] = [255, 0, 0]
    a[h // 2 : h // 2 + 4, w // 2 : w // 2 + 7] = [0, 0, 255]
    return np.clip(a, 0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced(values, depth, palette=None):
    """A PNG of one channel, its pixels in the seven passes of Adam7; Pillow reads such files and does not write them."""
    h, w = values.shape
    raw = b""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        for row in values[y0::dy, x0::dx]:
            if not len(row):
                continue
            bits = "".join(format(v, f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            raw += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    header = struct.pack(">IIBBBBB", w, h, depth, 0 if palette is None else 3, 0, 0, 1)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if palette is not None:
        file += chunk(b"PLTE", palette)
    return file + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


picture = Image.fromarray(colours(29, 22))
gray = picture.convert("L")
files = {}
for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
    files[f"jpeg {name}"] = saved(picture, "JPEG", quality=90, subsampling=subsampling)
    files[f"jpeg {name} progressive"] = saved(picture, "JPEG", quality=90, subsampling=subsampling, progressive=True)
files["jpeg gray"] = saved(gray, "JPEG", quality=90)
files["jpeg cmyk"] = saved(picture.convert("CMYK"), "JPEG", quality=90)
exif = Image.Exif()
exif[0x0112] = 6
files["jpeg turned"] = saved(picture, "JPEG", quality=90, exif=exif)
files["png colours"] = saved(picture, "PNG")
files["png gray alpha"] = saved(Image.merge("LA", (gray, gray.rotate(180))), "PNG")
files["png 1 bit"] = saved(gray.convert("1"), "PNG")
for bits in (1, 2, 4, 8):
    files[f"png palette of {bits} bits"] = saved(picture.quantize(2**bits), "PNG", bits=bits)
for bits in (1, 2, 4, 8):
    values = np.asarray(gray) >> (8 - bits)
    files[f"png {bits} bits, interlaced"] = interlaced(values, bits)
    palette = bytes(rng.integers(0, 256, 3 * 2**bits).tolist())
    files[f"png palette of {bits} bits, interlaced"] = interlaced(values, bits, palette)
files["webp"] = saved(picture, "WEBP", quality=80)
files["webp lossless"] = saved(picture, "WEBP", lossless=True)
other = Image.fromarray(255 - np.asarray(picture))
files["gif, the first of two"] = saved(picture.quantize(64), "GIF", save_all=True, append_images=[other.quantize(64)])


def text(data):
    return base64.b64encode(data).decode()


decoded = {}
for name, file in files.items():
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    decoded[name] = {
        "file": text(file),
        "width": upright.width,
        "height": upright.height,
        "rgb": text(upright.convert("RGB").tobytes()),
    }

# torchvision's preprocessing in float64, of pictures that the tests make by the same formula. Every so many values.
prepared = []
for width, height, channels, resize, crop in [
    (40, 30, 3, 16, 12), (30, 41, 3, 32, 24), (23, 17, 1, 17, 15), (9, 50, 3, 7, 12), (400, 2, 3, 32, 28), (1, 300, 3, 16, 14),
    (301, 200, 3, 256, 224), (50, 50, 3, 232, 224),
]:
    n = width * height * channels
    values = (np.arange(n) * 37 % 256 * 31 % 256).astype(np.uint8).reshape(height, width, channels)
    x = torch.from_numpy(values).permute(2, 0, 1).double() / 255
    x = F.resize(x, resize, antialias=True)
    x = F.center_crop(x, [crop, crop])
    x = F.normalize(x, [0.485, 0.456, 0.406][:channels], [0.229, 0.224, 0.225][:channels])
    flat = x.flatten()
    every = max(1, len(flat) // 64)
    some = [round(v, 7) for v in flat[::every].tolist()]
    prepared.append({"size": [width, height, channels], "resize": resize, "crop": crop, "every": every, "values": some})

# torchvision's adjust_* of a picture of floats, every value.
n = 3 * 6 * 7
x = torch.from_numpy((np.arange(n) * 37 % 256 * 31 % 256).reshape(3, 6, 7)).double() / 255
adjusted = {}
for name, amounts in {"brightness": [0.3, 1.7], "contrast": [0, 0.4, 1.8], "saturation": [0, 0.4, 1.8], "hue": [-0.5, -0.21, 0.1, 0.4]}.items():
    change = getattr(F, f"adjust_{name}")
    adjusted[name] = [[a, [round(v, 7) for v in change(x, a).flatten().tolist()]] for a in amounts]
adjusted["gray contrast"] = [[0.4, [round(v, 7) for v in F.adjust_contrast(x[:1], 0.4).flatten().tolist()]]]

with open(os.path.join(HERE, "pictures.json"), "w") as f:
    json.dump({"decoded": decoded, "prepared": prepared, "adjusted": adjusted}, f)
    f.write("\n")
