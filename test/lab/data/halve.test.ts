import { expect, test } from "vitest";
import { halve } from "../../../lab/data/halve.ts";
import { makeDataset } from "../../../src/data/index.ts";

test("[1,1,2,4] bytes: two means, scaled to 0 … 1", () => {
  const images = Uint8Array.of(0, 255, 10, 20, 0, 0, 30, 40);
  const { images: y, shape } = halve(
    makeDataset({ name: "d", images, labels: Uint8Array.of(0), shape: [1, 1, 2, 4], classes: ["a"] }),
  );
  expect(shape).toEqual([1, 1, 1, 2]);
  expect(y[0]).toBeCloseTo(0.25, 7);
  expect(y[1]).toBeCloseTo(25 / 255, 7);
});

test("[2,3,5,4] floats: each pixel against the definition; the odd last row is left out, labels stay", () => {
  const [N, C, H, W] = [2, 3, 5, 4];
  const images = Float32Array.from({ length: N * C * H * W }, (_, i) => Math.sin(i));
  const labels = Uint8Array.of(1, 0);
  const half = halve(makeDataset({ name: "d", images, labels, shape: [N, C, H, W], classes: ["a", "b"] }));
  expect(half.shape).toEqual([2, 3, 2, 2]);
  expect(half.labels).toBe(labels);
  const x = (n: number, c: number, h: number, w: number): number => images[((n * C + c) * H + h) * W + w];
  let at = 0;
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      for (let i = 0; i < 2; i++) {
        for (let j = 0; j < 2; j++) {
          const sum =
            x(n, c, 2 * i, 2 * j) +
            x(n, c, 2 * i, 2 * j + 1) +
            x(n, c, 2 * i + 1, 2 * j) +
            x(n, c, 2 * i + 1, 2 * j + 1);
          expect(half.images[at++]).toBeCloseTo(sum / 4, 6);
        }
      }
    }
  }
});

test("one row of pixels: nothing would be left", () => {
  const dataset = makeDataset({
    name: "rows",
    images: Uint8Array.of(1, 2),
    labels: Uint8Array.of(0),
    shape: [1, 1, 1, 2],
    classes: ["a"],
  });
  expect(() => halve(dataset)).toThrow("rows: no images: the shape is [1,1,0,1]");
});
