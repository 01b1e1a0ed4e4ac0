/** randomResizedCrop and randomErasing: which rectangles, and what becomes of their pixels. */
import { describe, expect, it } from "vitest";
import { type Augmentation, randomErasing, randomResizedCrop } from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";

const [C, H, W] = [2, 20, 30];
const SHAPE = [C, H, W] as const;
/** Every pixel another number, from 1. */
const image = (): Float32Array => Float32Array.from({ length: C * H * W }, (_, i) => i + 1);

/** The rectangle of the pixels for which `inside`, of one channel; an error if they are not one. */
function rectangle(plane: Float32Array, inside: (v: number, i: number) => boolean) {
  const places = Array.from(plane.keys()).filter((i) => inside(plane[i], i));
  const rows = [...new Set(places.map((i) => Math.floor(i / W)))];
  const columns = [...new Set(places.map((i) => i % W))];
  expect(places.length).toBe(rows.length * columns.length);
  return { height: rows.length, width: columns.length, top: rows[0], left: Math.min(...columns) };
}

describe("randomErasing", () => {
  it("a rectangle of each channel is filled, the rest stays; its share and ratio are within their bounds", () => {
    const erase = randomErasing({ probability: 1, scale: [0.1, 0.3], ratio: [0.5, 2], value: [-1, -2] });
    const rng = new Rng(1);
    const found = Array.from({ length: 200 }, () => {
      const erased = erase(image(), SHAPE, rng);
      const first = rectangle(erased.subarray(0, H * W), (v) => v === -1);
      expect(rectangle(erased.subarray(H * W), (v) => v === -2)).toEqual(first);
      erased.forEach((v, i) => {
        if (v > 0) expect(v).toBe(i + 1);
      });
      return first;
    });
    for (const { height, width } of found) {
      // Half a pixel of rounding per side.
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThan(0.1 * H * W);
      expect((height - 0.5) * (width - 0.5)).toBeLessThan(0.3 * H * W);
      expect((height + 0.5) / (width - 0.5)).toBeGreaterThan(0.5);
      expect((height - 0.5) / (width + 0.5)).toBeLessThan(2);
    }
    const logs = found.map(({ height, width }) => Math.log(height / width));
    // Log-uniform between ½ and 2, but for rectangles too high: as many are higher as wider, within five deviations.
    expect(Math.abs(logs.filter((v) => v > 0).length - 100)).toBeLessThan(50);
    expect(found.some(({ top }) => top === 0)).toBe(true);
    expect(found.some(({ top, height }) => top + height === H)).toBe(true);
  });

  it("probability: so many images are changed; by default half, with zeros", () => {
    const rng = new Rng(2);
    const erase = randomErasing();
    const erased = Array.from({ length: 1000 }, () => erase(image(), SHAPE, rng).includes(0));
    expect(Math.abs(erased.filter(Boolean).length - 500)).toBeLessThan(80);
    expect(randomErasing({ probability: 0 })(image(), SHAPE, rng)).toEqual(image());
  });

  it("an image in which none fits stays", () => {
    const erase = randomErasing({ probability: 1, scale: [1, 1], ratio: [1, 1] });
    expect(erase(image(), SHAPE, new Rng(1))).toEqual(image());
  });
});

/** The rectangle that became the image, from a ramp in each direction, which resizing keeps in the middle. */
function cropped(crop: Augmentation, rng: Rng) {
  const ramp = Float32Array.from({ length: 2 * H * W }, (_, i) => (i < H * W ? Math.floor(i / W) : (i - H * W) % W));
  const y = crop(ramp, SHAPE, rng);
  const [above, below] = [y[(H / 2 - 1) * W], y[(H / 2) * W]];
  const [before, after] = [y[H * W + W / 2 - 1], y[H * W + W / 2]];
  // A step of the result is height / H rows, or width / W columns, and the middle that of the rectangle.
  const height = (below - above) * H;
  const width = (after - before) * W;
  return { height, width, top: (above + below + 1 - height) / 2, left: (before + after + 1 - width) / 2 };
}

describe("randomResizedCrop", () => {
  it("a rectangle within the image, of whole pixels; its share and ratio are within their bounds", () => {
    const crop = randomResizedCrop({ scale: [0.3, 0.8] });
    const rng = new Rng(1);
    for (let i = 0; i < 200; i++) {
      const { height, width, top, left } = cropped(crop, rng);
      for (const side of [height, width, top, left]) expect(Math.abs(side - Math.round(side))).toBeLessThan(1e-3);
      expect(Math.min(top, left)).toBeGreaterThan(-1e-3);
      expect(top + height).toBeLessThan(H + 1e-3);
      expect(left + width).toBeLessThan(W + 1e-3);
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThan(0.3 * H * W);
      expect((height - 0.5) * (width - 0.5)).toBeLessThan(0.8 * H * W);
      expect((width + 0.5) / (height - 0.5)).toBeGreaterThan(3 / 4);
      expect((width - 0.5) / (height + 0.5)).toBeLessThan(4 / 3);
    }
  });

  it("where none fits: the largest in the middle of a ratio allowed, else the whole", () => {
    const rng = new Rng(1);
    const wide = randomResizedCrop({ scale: [1, 1], ratio: [0.5, 1] });
    expect(Object.values(cropped(wide, rng)).map(Math.round)).toEqual([20, 20, 0, 5]);
    const high = randomResizedCrop({ scale: [1, 1], ratio: [2.5, 3] });
    expect(Object.values(cropped(high, rng)).map(Math.round)).toEqual([12, 30, 4, 0]);
    const whole = randomResizedCrop({ scale: [1, 1], ratio: [1.5, 1.5] });
    expect(whole(image(), SHAPE, rng)).toEqual(image());
  });

  it("an even image stays even, and the given one is not changed", () => {
    const even = new Float32Array(C * H * W).fill(0.25);
    const before = image();
    expect(randomResizedCrop()(even, SHAPE, new Rng(3))).toEqual(even);
    randomResizedCrop()(before, SHAPE, new Rng(3));
    expect(before).toEqual(image());
  });
});

describe("what is refused", () => {
  it.each([
    [
      () => randomResizedCrop({ scale: [0.5, 1.5] }),
      /scale must be \[least, most\], above 0 and not above 1, got \[0\.5, 1\.5\]$/,
    ],
    [() => randomResizedCrop({ ratio: [2, 1] }), /ratio must be \[least, most\], above 0, got \[2, 1\]$/],
    [() => randomErasing({ scale: [0, 1] }), /scale must be \[least, most\], above 0 and not above 1, got \[0, 1\]$/],
    [() => randomErasing({ value: [1, Number.NaN] }), /randomErasing: value\[1\] must be a finite number, got NaN$/],
    [
      () => randomErasing({ value: [1, 2, 3] })(image(), SHAPE, new Rng(1)),
      /value must be one number or 2, one per channel, got 3$/,
    ],
  ])("refuses %#", (call, message) => {
    expect(call).toThrow(message);
  });
});
