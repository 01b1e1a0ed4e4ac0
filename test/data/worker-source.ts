/** The worker of worker.test.ts: what it serves is in its workerData. */
import { parentPort, threadId, workerData } from "node:worker_threads";
import { batches, compose, randomCrop, randomFlip, serveBatches } from "../../src/data/index.ts";
import { randn, tensor } from "../../src/tensor/index.ts";
import { tinyDataset } from "../lab/tiny-data.ts";

const dataset = tinyDataset(64, 1);
const { kind, made } = workerData as { kind: string; made: Int32Array };

const sources: Readonly<Record<string, Parameters<typeof serveBatches>[0]>> = {
  pictures: ({ rng }) => batches(dataset, { batchSize: 8, rng, augment: compose(randomCrop(2), randomFlip()) }),
  /** Draws for each batch, and tells how many it has made and whether it was ended. */
  *counted({ rng, epoch }) {
    try {
      for (let i = 0; i < 20; i++) {
        Atomics.add(made, 0, 1);
        yield { x: randn([2, 3], rng), labels: { epoch, i } };
      }
    } finally {
      Atomics.add(made, 1, 1);
    }
  },
  *forms() {
    const large = Float32Array.from({ length: 100 }, (_, i) => i);
    const shared = new Int32Array(new SharedArrayBuffer(8));
    yield {
      x: { a: tensor([[1, 2]]), b: [tensor([3])] },
      labels: [large.subarray(10, 12), Buffer.from("ab"), shared, [1, 2], new Map([["k", 1]])],
    };
    // All of it is still here.
    yield { x: tensor([large.length, shared.length]), labels: large };
  },
  repeats: () => {
    const batch = { x: tensor([[1, 2]]), labels: [0] };
    return [batch, batch];
  },
  async *fails() {
    yield { x: tensor([[1]]), labels: [0] };
    throw new RangeError("picture 7 is not a picture");
  },
  repeatsAnArray: () => {
    const batch = { x: Uint8Array.of(1, 2) };
    return [batch, batch];
  },
  nothing: () => 7 as never,
  functions: () => [{ x: () => 1 }],
  exits: () => process.exit(3),
};

if (kind === "broken") throw new TypeError(`thread ${threadId > 0} cannot begin`);
serveBatches(sources[kind], parentPort);
