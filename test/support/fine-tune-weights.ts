/** The file that examples/fine-tune/weights.py writes, by the same formula. */
import { writePth } from "../../src/io/index.ts";
import { createModel } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { generate } from "./golden.ts";

export function fineTuneWeights(): Uint8Array {
  const model = createModel("resnet18", { rng: new Rng(0), init: () => {} });
  for (const [name, t] of Object.entries(model.stateDict())) {
    if (name.endsWith("num_batches_tracked")) continue;
    const [scale, offset] = formula(name, t.shape);
    const values = generate(name, t.size, scale, offset);
    if (t.rank === 4 && t.shape[1] % 2 === 0) {
      // Neighbouring input channels have opposite weights.
      const plane = t.shape[2] * t.shape[3];
      for (let i = 0; i < values.length; i++) if (Math.floor(i / plane) % 2 === 1) values[i] = -values[i - plane];
    }
    t.assign(values);
  }
  return writePth(model.stateDict());
}

function formula(name: string, shape: readonly number[]): readonly [scale: number, offset: number] {
  if (name === "fc.bias") return [0.05, 0];
  if (shape.length > 1) return [Math.sqrt(6 / shape.slice(1).reduce((a, b) => a * b, 1)), 0];
  if (name.endsWith("running_var")) return [0.1, 1];
  if (name.endsWith("weight")) return name.endsWith("bn2.weight") ? [0.03, 0.3] : [0.1, 1];
  return [0.1, 0];
}
