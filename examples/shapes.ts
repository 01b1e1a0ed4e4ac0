/** Data without a download: noisy crosses, rings and stripes on 12 × 12 pixels, never the same twice. */
import { type Rng, type Tensor, tensor } from "../src/index.ts";

/** Images `[N, 1, 12, 12]` and which shape each one shows. */
export interface Shapes {
  readonly x: Tensor;
  readonly labels: Int32Array;
}

export const SIDE = 12;
export const NAMES: readonly string[] = ["cross", "ring", "stripes"];

/** Brightness of a shape at `(dx, dy)` pixels from its centre. */
const SHAPES: readonly ((dx: number, dy: number) => boolean)[] = [
  (dx, dy) => Math.min(Math.abs(dx), Math.abs(dy)) < 1 && Math.max(Math.abs(dx), Math.abs(dy)) < 4,
  (dx, dy) => Math.abs(Math.hypot(dx, dy) - 3) < 0.8,
  (dx, dy) => Math.max(Math.abs(dx), Math.abs(dy)) < 4 && (dx + dy + 100) % 4 < 2,
];

/** A batch of `N` shapes at random places. */
export function shapes(N: number, rng: Rng): Shapes {
  const labels = Int32Array.from({ length: N }, () => rng.integer(SHAPES.length));
  const pixels = new Float32Array(N * SIDE * SIDE);
  labels.forEach((label, n) => {
    const cx = 4 + rng.integer(4);
    const cy = 4 + rng.integer(4);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const ink = SHAPES[label](x - cx, y - cy) ? 1 : 0;
        pixels[(n * SIDE + y) * SIDE + x] = ink + rng.normal(0, 0.3);
      }
    }
  });
  return { x: tensor(pixels, [N, 1, SIDE, SIDE]), labels };
}

/** Endless batches. */
export function* endlessShapes(N: number, rng: Rng): Generator<Shapes> {
  while (true) yield shapes(N, rng);
}
