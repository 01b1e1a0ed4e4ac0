/**
 * ONNX Runtime's native library as a contender: inference on one thread, of the network that Skipstone exports.
 *
 * It is not among the peers' packages, because it is 50 MB: `npm install --ignore-scripts onnxruntime-node` in a folder of
 * your own, whose path is in SKIPSTONE_ONNXRUNTIME.
 */
import { createRequire } from "node:module";
import { exportOnnx } from "../src/io/onnx/index.ts";
import { fuse } from "../src/nn/fuse.ts";
import { randn } from "../src/tensor/create.ts";
import { Rng } from "../src/tensor/rng.ts";
import { makeNetwork } from "./networks.ts";
import { serve } from "./serve.ts";

/** What is used of it. */
interface Runtime {
  readonly env: { readonly versions: { readonly node?: string } };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => object;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly intraOpNumThreads: number; readonly interOpNumThreads: number },
    ): Promise<{
      readonly inputNames: readonly string[];
      run(feeds: Readonly<Record<string, object>>): Promise<unknown>;
    }>;
  };
}

const folder = process.env["SKIPSTONE_ONNXRUNTIME"];

function runtime(): Runtime {
  if (folder === undefined)
    throw new Error("SKIPSTONE_ONNXRUNTIME must be a folder with onnxruntime-node, got nothing");
  return createRequire(`${folder}/`)("onnxruntime-node") as Runtime;
}

await serve({
  version: () => (folder === undefined ? "onnxruntime-node" : `onnxruntime-node ${runtime().env.versions.node}`),
  prepare: async (work) => {
    if (work.kind !== "inference") throw new Error("inference only");
    const ort = runtime();
    const rng = new Rng(0);
    const model = makeNetwork(work, rng);
    fuse(model);
    const { batch, channels, size } = work;
    const bytes = exportOnnx(model, { inputShape: [channels, size, size] });
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const shape = [batch, channels, size, size];
    const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", randn(shape, rng).data, shape) };
    return {
      run: async () => {
        await session.run(feeds);
      },
    };
  },
});
