/** Images of half the size: a quarter of the pixels, a quarter of the arithmetic in every layer. */
import { type Dataset, makeDataset } from "../../src/data/index.ts";

/**
 * Each pixel of the result is the mean of 2×2 pixels, scaled to 0 … 1 where the originals are bytes. An odd last row or
 * column is left out.
 *
 * y[c, i, j] = ¼ Σ x[c, 2i + a, 2j + b] over a, b in {0, 1}: `[N, C, H, W]` to `[N, C, ⌊H/2⌋, ⌊W/2⌋]`.
 *
 * @throws DataError if nothing would be left.
 */
export function halve(dataset: Dataset): Dataset {
  const [N, C, H, W] = dataset.shape;
  const [h, w] = [Math.floor(H / 2), Math.floor(W / 2)];
  const x = dataset.images;
  const scale = x instanceof Uint8Array ? 1 / 255 : 1;
  const y = new Float32Array(N * C * h * w);
  let to = 0;
  for (let plane = 0; plane < N * C; plane++) {
    for (let i = 0; i < h; i++) {
      let from = (plane * H + 2 * i) * W;
      for (let j = 0; j < w; j++, from += 2) {
        y[to++] = ((x[from] + x[from + 1] + x[from + W] + x[from + W + 1]) / 4) * scale;
      }
    }
  }
  return makeDataset({ ...dataset, images: y, shape: [N, C, h, w] });
}
