/** A small task that needs more than one pixel at a time. */
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

/** Two classes of 8×8 images `[count, 1, 8, 8]`: a bright bar that lies or stands, somewhere, in noise. */
export function bars(count: number, seed: number): { x: Tensor; labels: Int32Array } {
  const rng = new Rng(seed);
  const labels = Int32Array.from({ length: count }, () => rng.integer(2));
  const data = Float32Array.from({ length: count * 64 }, () => rng.normal(0, 0.3));
  labels.forEach((label, n) => {
    const at = rng.integer(8);
    for (let i = 0; i < 8; i++) data[64 * n + (label === 0 ? 8 * at + i : 8 * i + at)] += 1;
  });
  return { x: new Tensor(data, [count, 1, 8, 8]), labels };
}
