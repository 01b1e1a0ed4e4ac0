import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createDuo, type Duo, type DuoEvents, type WorkerLike } from "../../site/lab/duo.ts";
import { AHEAD } from "../../site/lab/pace.ts";
import { DEFAULT_RUN, type Run } from "../../site/lab/state.ts";
import { byFit } from "./by-fit.ts";
import { digits } from "./digits.ts";
import { nodeWorkers } from "./node-worker.ts";

/** Small enough to be trained often. */
const RUN: Run = { ...DEFAULT_RUN, depth: 14 };

let makeWorker: Awaited<ReturnType<typeof nodeWorkers>>;
const duos: Duo[] = [];

beforeAll(async () => {
  makeWorker = await nodeWorkers();
});

afterEach(() => {
  for (const duo of duos.splice(0)) duo.end();
});

function newDuo(make: (() => WorkerLike | null) | undefined = makeWorker): Duo {
  const duo = createDuo({ images: digits, makeWorker: make, pace: "free" });
  duos.push(duo);
  return duo;
}

/** The next event of a kind. */
function next<K extends keyof DuoEvents>(
  duo: Duo,
  type: K,
  wanted: (event: DuoEvents[K]) => boolean = () => true,
): Promise<DuoEvents[K]> {
  return new Promise((resolve) => {
    const off = duo.on(type, (event) => {
      if (!wanted(event)) return;
      off();
      resolve(event);
    });
  });
}

async function bitsByFit(run: Run, steps: number): Promise<string> {
  const both = [await byFit(run, "a", steps), await byFit(run, "b", steps)].join(" ");
  let hash = 0x811c9dc5;
  for (const character of both) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

describe("two networks in workers", () => {
  test("20 steps have the bits of fit, with pauses, cuts, readings and evaluations between", async () => {
    const duo = newDuo();
    duo.watch({ ratios: true, block: 3, digit: 4 });
    await duo.start(RUN, { paused: true });
    duo.stepOnce();
    await duo.goTo(5);
    duo.change("a", { kind: "cut", part: "shortcut" }, [1, 2]);
    await next(duo, "changed");
    // A pause long enough for everything to be read.
    await next(duo, "block", ({ name, block }) => name === "a" && block.lesion !== null);
    await duo.goTo(9);
    duo.change("both", { kind: "rate", value: 0.03 });
    const answers = await duo.read(new Float32Array(196).fill(0.5), true);
    expect(answers.a.probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
    expect(answers.b.saliency).toHaveLength(196);
    duo.resume();
    await duo.goTo(14);
    duo.change("a", { kind: "cut", part: "none" }, [0, 5]);
    await duo.goTo(20);
    const { step, fingerprint } = await duo.fingerprint();
    expect(step).toBe(20);
    expect(duo.run!.events).toHaveLength(3);
    expect(fingerprint).toMatch(/^[sp]/);
    expect(fingerprint.slice(1)).toBe(await bitsByFit(duo.run!, 20));
    // The same run again, with its changes in it from the beginning.
    await duo.start(duo.run!, { target: 20 });
    await duo.goTo(20);
    expect(await duo.fingerprint()).toEqual({ step: 20, fingerprint });
  });

  test("neither is further ahead than the credit, and both tell the same steps", async () => {
    const duo = newDuo();
    const apart: number[] = [];
    duo.on("rows", () => apart.push(Math.abs(duo.stores.a!.step - duo.stores.b!.step)));
    // B has a tenth of the work.
    await duo.start({ ...RUN, depth: 44, b: { ...RUN.b, batchNorm: false } });
    await duo.goTo(30);
    expect(Math.max(...apart)).toBeLessThanOrEqual(AHEAD);
    const [a, b] = [duo.stores.a!, duo.stores.b!];
    expect([a.step, b.step, a.length, b.length]).toEqual([30, 30, 30, 30]);
    expect(a.flow()!.now).toHaveLength(duo.networks.a!.layers.length);
    expect(a.losses.loss(0)).toBeGreaterThan(0);
  });

  test("a pause gives no more credit; one step is one step; a hidden tab pauses and comes back", async () => {
    const duo = newDuo();
    const states: string[] = [];
    duo.on("status", ({ status }) => states.push(status));
    await duo.start(RUN, { paused: true });
    expect(duo.step).toBe(0);
    duo.stepOnce();
    await next(duo, "rows", () => duo.step === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([duo.stores.a!.step, duo.stores.b!.step]).toEqual([1, 1]);
    duo.resume();
    await next(duo, "rows");
    duo.hidden(true);
    duo.hidden(true);
    duo.hidden(false);
    duo.pause();
    duo.hidden(true);
    duo.hidden(false);
    expect(states).toEqual(["loading", "paused", "running", "away", "running", "paused"]);
  });

  test("a pace makes one step after the other, and no other bits", async () => {
    const duo = newDuo();
    duo.pace = "20";
    const apart: number[] = [];
    duo.on("rows", () => apart.push(Math.abs(duo.stores.a!.step - duo.stores.b!.step)));
    await duo.start(RUN);
    await next(duo, "rows", () => duo.step === 6);
    expect(Math.max(...apart)).toBe(1);
    const { step, fingerprint } = await duo.fingerprint();
    expect(fingerprint.slice(1)).toBe(await bitsByFit(RUN, step));
  });

  test("a network that fails says so, and the other goes on", async () => {
    const duo = newDuo();
    const run: Run = { ...RUN, depth: 74, b: { ...RUN.a, batchNorm: false, learningRate: 1 } };
    const failing = next(duo, "failed");
    await duo.start(run);
    const { name, message } = await failing;
    expect(name).toBe("b");
    expect(message).toMatch(/^Stopped at step \d+: the .* is not a number any more\.$/);
    await duo.goTo(duo.step + 6);
    expect(duo.status).toBe("paused");
    expect(duo.stores.a!.step).toBeGreaterThan(duo.stores.b!.step);
    const { a, b } = await duo.read(new Float32Array(196), false);
    expect([a.probabilities.length, b.probabilities.length]).toEqual([10, 10]);
  });

  test("what the library refuses is told in its words", async () => {
    const duo = newDuo();
    const failing = next(duo, "failed");
    await duo.start({ ...RUN, b: { ...RUN.b, start: "fixup", batchNorm: false } });
    expect((await failing).message).toContain('start "fixup" needs a shortcut');
  });

  test("weights are saved and loaded; those of another network are refused in the library's words", async () => {
    const duo = newDuo();
    await duo.start(RUN, { target: 3 });
    await duo.goTo(3);
    const saved = await duo.save("a", "safetensors");
    expect(saved.name).toBe("skipstone-14.safetensors");
    const picture = new Float32Array(196).map((_, i) => (i % 14) / 14);
    const before = await duo.read(picture, false);
    await duo.goTo(6);
    expect((await duo.read(picture, false)).a).not.toEqual(before.a);
    const changed = next(duo, "changed");
    await duo.load("a", saved.bytes);
    await changed;
    expect((await duo.read(picture, false)).a).toEqual(before.a);
    const onnx = await duo.save("b", "onnx");
    expect(onnx.bytes.length).toBeGreaterThan(10_000);
    await expect(duo.load("b", onnx.bytes)).rejects.toThrow(/safetensors/);
    await duo.start({ ...RUN, depth: 20 }, { paused: true });
    await expect(duo.load("a", saved.bytes)).rejects.toThrow(/ResNet/);
  });

  test("drawings come into the batches of both at the same step", async () => {
    const picture = new Float32Array(196).fill(1);
    const bits = async (add: boolean, pause: boolean): Promise<string> => {
      const duo = newDuo();
      await duo.start(RUN, { target: 4 });
      await duo.goTo(4);
      if (add) duo.add(picture, 7);
      if (pause) await duo.goTo(6);
      await duo.goTo(8);
      expect(duo.drawings).toBe(add);
      return (await duo.fingerprint()).fingerprint;
    };
    const [with1, with2, without] = [await bits(true, true), await bits(true, false), await bits(false, false)];
    expect(with2).toBe(with1);
    expect(without).not.toBe(with1);
  });
});

describe("without workers", () => {
  test("the page trains in its own thread, says so, and has the same bits", async () => {
    const duo = newDuo(() => null);
    const notice = next(duo, "notice");
    await duo.start(RUN, { target: 8 });
    expect((await notice).message).toContain("in its own thread");
    await duo.goTo(8);
    expect((await duo.fingerprint()).fingerprint.slice(1)).toBe(await bitsByFit(RUN, 8));
  });

  test("a worker that cannot start is replaced", async () => {
    const duo = newDuo(() => {
      const worker: WorkerLike = { postMessage: () => {}, terminate: () => {}, onmessage: null, onerror: null };
      setTimeout(() => worker.onerror?.({ message: "no such file" }));
      return worker;
    });
    await duo.start(RUN, { target: 3 });
    await duo.goTo(3);
    expect(duo.stores.b!.step).toBe(3);
  });

  test("a worker that dies is replaced: the run goes on with the same bits", async () => {
    const threads: ReturnType<typeof makeWorker>[] = [];
    const duo = newDuo(() => {
      const worker = makeWorker();
      threads.push(worker);
      return worker;
    });
    await duo.start(RUN, { target: 4 });
    await duo.goTo(4);
    duo.change("a", { kind: "cut", part: "shortcut" }, [0, 3]);
    await duo.goTo(7);
    await threads[0].thread.terminate();
    threads[0].onerror?.({ message: "out of memory" });
    await duo.goTo(10);
    expect([duo.stores.a!.step, duo.stores.a!.length]).toEqual([10, 10]);
    expect((await duo.fingerprint()).fingerprint.slice(1)).toBe(await bitsByFit(duo.run!, 10));
  });
});
