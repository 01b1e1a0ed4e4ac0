/** ONNX Runtime, compiled to WebAssembly: what the exported files are run with. */
import * as ort from "onnxruntime-web";
import { Tensor } from "../../../src/tensor/tensor.ts";

ort.env.wasm.numThreads = 1;
// What it warns of is graphs that could be simpler.
ort.env.logLevel = "error";

/** A model that has been read, and can be run on several inputs. */
export interface Runner {
  readonly inputName: string;
  readonly outputName: string;
  run(x: Tensor): Promise<Tensor>;
}

/** Reads a model. */
export async function openOnnx(file: Uint8Array): Promise<Runner> {
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  const [inputName] = session.inputNames;
  const [outputName] = session.outputNames;
  return {
    inputName,
    outputName,
    run: async (x) => {
      const results = await session.run({ [inputName]: new ort.Tensor("float32", Float32Array.from(x.data), x.shape) });
      const { data, dims } = results[outputName];
      return new Tensor(Float32Array.from(data as Float32Array), dims);
    },
  };
}

/** The largest difference between two outputs, as a part of the largest finite number in the second, or of `floor`. */
export function difference(y: Tensor, expected: Tensor, floor = 1): number {
  if (y.shape.join() !== expected.shape.join()) throw new Error(`shapes differ: [${y.shape}] and [${expected.shape}]`);
  let largest = floor;
  let worst = 0;
  for (let i = 0; i < y.size; i++) {
    if (Number.isFinite(expected.data[i])) largest = Math.max(largest, Math.abs(expected.data[i]));
    if (Object.is(y.data[i], expected.data[i])) continue;
    // A NaN on one side only is no small difference.
    const d = Math.abs(y.data[i] - expected.data[i]);
    worst = Number.isNaN(d) ? Infinity : Math.max(worst, d);
  }
  return worst / largest;
}
