/** The worker: trains, stops when it is asked to, and keeps a checkpoint in IndexedDB: weights, optimiser and generators. */
/// <reference lib="dom" />
import {
  accuracy,
  type Checkpoint,
  cifarResNet,
  evaluate,
  fit,
  Rng,
  readCheckpoint,
  SGD,
  writeCheckpoint,
  writeSafetensors,
} from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES, shapes } from "../shapes.ts";

/** What the page asks. */
export type Order = "train" | "stop" | "forget";

/** What the worker says. `step` steps of `steps` are done. */
export type Report =
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly loss: number }
  | {
      readonly kind: "rests";
      readonly step: number;
      readonly steps: number;
      /** Of unseen shapes, once all steps are done. */
      readonly accuracy: number | undefined;
      /** The weights as a safetensors file; undefined before the first step. */
      readonly file: Uint8Array<ArrayBuffer> | undefined;
      /** Where this page found them. */
      readonly found: boolean;
    }
  | { readonly kind: "error"; readonly message: string };

const STEPS = 200;
/** A checkpoint is written after so many steps, and when it stops. */
const EVERY = 10;
const KEY = "shapes";

async function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return await new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

let database: IDBDatabase | undefined;

/** The place of the checkpoint. A browser may refuse it (private windows, no room): then the error says so. */
async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  if (!database) {
    const opening = indexedDB.open("skipstone-train-and-keep", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("checkpoints");
    database = await resultOf(opening);
  }
  return database.transaction("checkpoints", mode).objectStore("checkpoints");
}

async function kept(): Promise<Checkpoint | null> {
  const bytes = (await resultOf((await store("readonly")).get(KEY))) as Uint8Array | undefined;
  return bytes ? readCheckpoint(bytes) : null;
}

/** A transaction is done whole or not at all: half a checkpoint is never found. */
async function keep({ tensors, metadata }: Checkpoint, done: number): Promise<void> {
  const bytes = writeCheckpoint({ tensors, metadata: { ...metadata, "steps-done": `${done}` } });
  await resultOf((await store("readwrite")).put(bytes, KEY));
}

const report = (message: Report): void => postMessage(message);

/** Lets waiting messages in, without the delay of a timer. */
const channel = new MessageChannel();
async function pause(): Promise<void> {
  await new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}

let stopped = false;

/** Trains from the kept checkpoint, or reports it without training. */
async function train(trains: boolean, found: boolean): Promise<void> {
  const rng = new Rng(7);
  const data = new Rng(8);
  const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
  const resume = await kept();
  let done = Number(resume?.metadata["steps-done"] ?? 0);
  stopped = false;
  if (trains || resume) {
    await fit(model, {
      data: () => endlessShapes(16, data),
      generators: { data },
      optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
      steps: trains ? STEPS : done,
      resume,
      onStep: async ({ step, loss, checkpoint }) => {
        done = step + 1;
        report({ kind: "step", step: done, steps: STEPS, loss });
        await pause();
        if (stopped || done % EVERY === 0 || done === STEPS) await keep(checkpoint(), done);
        return !stopped;
      },
    });
  }
  const isDone = done >= STEPS;
  const score = isDone && (await evaluate(model, [shapes(300, new Rng(9))], { metrics: { accuracy } }));
  const file = done > 0 ? (writeSafetensors(model.stateDict()) as Uint8Array<ArrayBuffer>) : undefined;
  report({
    kind: "rests",
    step: done,
    steps: STEPS,
    accuracy: score ? score.metrics.accuracy : undefined,
    file,
    found,
  });
}

async function forget(): Promise<void> {
  await resultOf((await store("readwrite")).delete(KEY));
  await train(false, false);
}

let last = train(false, true);
last = last.catch(fail);
addEventListener("message", ({ data: order }: MessageEvent<Order>) => {
  if (order === "stop") stopped = true;
  else last = last.then(() => (order === "train" ? train(true, false) : forget())).catch(fail);
});

function fail(error: Error): void {
  report({ kind: "error", message: error.message });
}
