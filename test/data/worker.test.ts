/** A loader that works ahead in a worker: the same batches, the same training, and how it ends. */
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  batches,
  batchesFrom,
  compose,
  randomCrop,
  randomFlip,
  serveBatches,
  WorkerError,
} from "../../src/data/index.ts";
import { type Checkpoint, fit, SGD } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng, type Tensor, tensor, UsageError } from "../../src/tensor/index.ts";
import { tinyDataset } from "../lab/tiny-data.ts";

const file = resolve("build/worker-test/worker-source.js");
const made = new Int32Array(new SharedArrayBuffer(8));

beforeAll(() => {
  buildSync({
    entryPoints: ["test/data/worker-source.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: file,
  });
});

function start(kind: string): Worker {
  made.fill(0);
  const worker = new Worker(file, { workerData: { kind, made } });
  onTestFinished(async () => void (await worker.terminate()));
  return worker;
}

interface Counted {
  readonly x: Tensor;
  readonly labels: { readonly epoch: number; readonly i: number };
}

async function all<B>(source: AsyncIterable<B>): Promise<B[]> {
  const found: B[] = [];
  for await (const batch of source) found.push(batch);
  return found;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until a condition holds; the test's own limit ends it otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

const here = (rng: Rng) =>
  batches(tinyDataset(64, 1), { batchSize: 8, rng, augment: compose(randomCrop(2), randomFlip()) });

describe("the batches", () => {
  it.each([1, 2, 5, 100])("are those made here, in two epochs, %i ahead; the generator goes along", async (ahead) => {
    const worker = start("pictures");
    const [there, same] = [new Rng(4), new Rng(4)];
    const source = batchesFrom(worker, { rng: there, ahead });
    const own = here(same);
    for (let epoch = 0; epoch < 2; epoch++) {
      const expected = own[Symbol.iterator]();
      for await (const { x, labels } of source) {
        const { value } = expected.next();
        expect([x, labels]).toEqual([value.x, value.labels]);
        expect(there).toEqual(same);
      }
      expect(expected.next().done).toBe(true);
      expect(there).toEqual(same);
    }
  });

  it("without a generator: new Rng(epoch)", async () => {
    const worker = start("pictures");
    expect(await all(batchesFrom(worker, { epoch: 3 }))).toEqual([...here(new Rng(3))]);
    expect(await all(batchesFrom(worker, { epoch: 4 }))).toEqual([...here(new Rng(4))]);
  });

  it("of two passes at once do not mix", async () => {
    const worker = start("counted");
    const [a, b] = await Promise.all([0, 1].map((epoch) => all(batchesFrom<Counted>(worker, { epoch }))));
    expect(a.map(({ labels }) => labels)).toEqual(Array.from({ length: 20 }, (_, i) => ({ epoch: 0, i })));
    expect(b.map(({ labels }) => labels)).toEqual(Array.from({ length: 20 }, (_, i) => ({ epoch: 1, i })));
  });

  it("any form that a message may have; a part of a larger array, or a shared one, is copied", async () => {
    const [{ x, labels }, rest] = await all(batchesFrom<{ x: unknown; labels: unknown }>(start("forms")));
    expect(x).toEqual({ a: tensor([[1, 2]]), b: [tensor([3])] });
    expect(labels).toEqual([
      Float32Array.of(10, 11),
      Uint8Array.of(97, 98),
      Int32Array.of(0, 0),
      [1, 2],
      new Map([["k", 1]]),
    ]);
    expect(rest.x).toEqual(tensor([100, 2]));
    expect(rest.labels).toHaveLength(100);
  });

  it("at most `ahead` are made before they are needed", async () => {
    const worker = start("counted");
    const passed: number[] = [];
    for await (const _ of batchesFrom(worker, { ahead: 3 })) {
      passed.push(1);
      if (passed.length > 4) continue;
      await until(() => Atomics.load(made, 0) === passed.length + 3);
      await pause(30);
      expect(Atomics.load(made, 0)).toBe(passed.length + 3);
    }
    expect(passed).toHaveLength(20);
    expect([...made]).toEqual([20, 1]);
  });
});

describe("a training", () => {
  const network = () => cifarResNet(8, { width: 2, inChannels: 1, classes: 4, rng: new Rng(5) });
  const train = async (worker: Worker | null, resume: Checkpoint | null, stopAfter: number) => {
    const model = network();
    const rng = new Rng(6);
    let last: Checkpoint | null = null;
    const { steps } = await fit(model, {
      data: (epoch) => (worker ? batchesFrom(worker, { rng, epoch }) : here(rng)),
      optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      epochs: 3,
      resume,
      onStep: ({ step, checkpoint }) => {
        last = checkpoint();
        return step + 1 < stopAfter;
      },
    });
    return { losses: steps.map(({ loss }) => loss), weights: model.stateDict(), last };
  };

  it("has the same bits as with batches made here; resumed in an epoch and at its end, too, with another worker", async () => {
    const whole = await train(null, null, 24);
    const worker = start("pictures");
    const ahead = await train(worker, null, 24);
    expect(ahead.losses).toEqual(whole.losses);
    expect(ahead.weights).toEqual(whole.weights);
    for (const stop of [3, 8, 13]) {
      const part = await train(worker, null, stop);
      const rest = await train(start("pictures"), part.last, 24);
      expect([...part.losses, ...rest.losses]).toEqual(whole.losses);
      expect(rest.weights).toEqual(whole.weights);
      // From a worker to none.
      expect((await train(null, part.last, 24)).weights).toEqual(whole.weights);
    }
  });
});

it("by addEventListener and events, as in a page", async () => {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const asInPage = (port: MessagePort) => ({
    postMessage: port.postMessage.bind(port),
    addEventListener: port.addEventListener.bind(port),
  });
  serveBatches(({ rng }) => here(rng), asInPage(port1));
  for (const port of [port1, port2]) port.start();
  expect(await all(batchesFrom(asInPage(port2), { epoch: 3 }))).toEqual([...here(new Rng(3))]);
});

describe("the end", () => {
  it("leaving the loop ends the source; the worker serves the next pass", async () => {
    const worker = start("counted");
    for await (const _ of batchesFrom(worker)) break;
    await until(() => Atomics.load(made, 1) === 1);
    expect(Atomics.load(made, 0)).toBeLessThanOrEqual(3);
    expect(await all(batchesFrom(worker))).toHaveLength(20);
  });

  it("an error of the source arrives with its message, after the batches before it", async () => {
    const seen: unknown[] = [];
    const looking = async (): Promise<void> => {
      for await (const batch of batchesFrom(start("fails"))) seen.push(batch);
    };
    await expect(looking()).rejects.toThrow("batchesFrom: the worker failed: RangeError: picture 7 is not a picture");
    expect(seen).toHaveLength(1);
  });

  it.each([
    ["repeats", "the values of this [1,2] were transferred away"],
    [
      "repeatsAnArray",
      "UsageError: serveBatches: the numbers of a Uint8Array were transferred away, with an earlier batch",
    ],
    ["nothing", "UsageError: serveBatches: source must return batches that can be iterated, got 7"],
    ["functions", "DataCloneError: "],
    ["exits", "it has ended, exit code 3"],
    ["broken", "thread true cannot begin"],
  ])("%s: %s", async (kind, message) => {
    const worker = start(kind);
    const failure = await all(batchesFrom(worker)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkerError);
    expect((failure as Error).message).toContain(`batchesFrom: the worker failed: `);
    expect((failure as Error).message).toContain(message);
  });

  it("a worker that was terminated: an error, in a pass, in the next one, and where it is first used then", async () => {
    const worker = start("counted");
    const looking = (async () => {
      for await (const _ of batchesFrom(worker)) await worker.terminate();
    })();
    await expect(looking).rejects.toThrow("the worker failed: it has ended");
    await expect(all(batchesFrom(worker))).rejects.toThrow("the worker failed: it has ended");
    const other = start("counted");
    await other.terminate();
    await expect(all(batchesFrom(other))).rejects.toThrow("the worker failed: it has ended");
  });
});

it("a port that is closed, before and in a pass: an error", async () => {
  const [before, during] = [new MessageChannel(), new MessageChannel()];
  before.port1.close();
  await expect(all(batchesFrom(before.port2))).rejects.toThrow("the worker failed: its port was closed");
  serveBatches(({ rng }) => here(rng), during.port1);
  const looking = (async () => {
    for await (const _ of batchesFrom(during.port2, { ahead: 1 })) during.port1.close();
  })();
  await expect(looking).rejects.toThrow("the worker failed: its port was closed");
});

it("a message that cannot be read ends the passes of that moment; the worker serves the next one", async () => {
  const listeners = new Map<string, (event: object) => void>();
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  serveBatches(({ rng }) => here(rng), port1);
  const place = {
    postMessage: port2.postMessage.bind(port2),
    addEventListener: (name: string, listener: (event: object) => void) => listeners.set(name, listener),
  };
  port2.addEventListener("message", (event) => listeners.get("message")!(event));
  port2.start();
  const looking = (async () => {
    for await (const _ of batchesFrom(place, { ahead: 1 })) listeners.get("messageerror")!({});
  })();
  await expect(looking).rejects.toThrow("the worker failed: a message could not be read");
  expect(await all(batchesFrom(place, { epoch: 3 }))).toEqual([...here(new Rng(3))]);
});

it("what is no worker, and a module that no worker runs, is refused", () => {
  expect(() => batchesFrom({} as Worker)).toThrow("batchesFrom: worker must be a Worker");
  expect(() => serveBatches(() => [], null)).toThrow(
    "serveBatches: port must be the worker's place for messages (in Node: parentPort of node:worker_threads)",
  );
  expect(() => serveBatches(() => [])).toThrow(UsageError);
});
