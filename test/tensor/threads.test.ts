/** `useThreads` in this Node: what it returns, which workers there are then, and what it refuses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/graph.ts";
import { UsageError, ValueError } from "../../src/tensor/errors.ts";
import { useThreads } from "../../src/tensor/threads.ts";
import { tierInUse, useKernels } from "../../src/tensor/tier.ts";
import { type Training, train } from "../browser/training.ts";
import { callsOf, noWorkerFrom, started, warnings, watchWorkers } from "../support/workers.ts";

watchWorkers();
afterEach(() => void useKernels("auto"));

const alive = (): number => started.filter((worker) => worker.alive).length;
/** What one thread computes. */
const alone: Training = train("auto");

describe("useThreads", () => {
  it.each([2, 3, 5])("%i threads: all compute, and a training has the bits of one thread's", async (n) => {
    expect(await useThreads(n)).toEqual({ threads: n, why: null });
    expect(train("auto")).toEqual(alone);
    expect(started.map(callsOf).filter((calls) => calls > 100)).toHaveLength(n - 1);
    expect(warnings).toEqual([]);
  });

  it("by default there are as many as cores", async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    try {
      Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: 3 }, configurable: true });
      expect(await useThreads()).toEqual({ threads: 3, why: null });
      Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });
      const cores = process.getBuiltinModule("node:os").availableParallelism();
      expect(await useThreads(undefined, {})).toEqual({ threads: cores, why: null });
    } finally {
      if (before) Object.defineProperty(globalThis, "navigator", before);
      else Reflect.deleteProperty(globalThis, "navigator");
    }
  });

  it("1 gives the workers back, and is nothing where there are none", async () => {
    const before = tierInUse();
    expect(await useThreads(1)).toEqual({ threads: 1, why: null });
    expect(tierInUse()).toBe(before);
    await useThreads(3);
    expect(alive()).toBe(2);
    expect(await useThreads(1)).toEqual({ threads: 1, why: null });
    expect(alive()).toBe(0);
    expect(train("auto")).toEqual(alone);
    expect(warnings).toEqual([]);
  });

  it("the same number twice changes nothing; another one ends the workers that were there", async () => {
    await useThreads(2);
    const tier = tierInUse();
    expect(await useThreads(2)).toEqual({ threads: 2, why: null });
    expect([tierInUse() === tier, started.length]).toEqual([true, 1]);
    expect(await useThreads(3)).toEqual({ threads: 3, why: null });
    expect(started.map((worker) => worker.alive)).toEqual([false, true, true]);
    expect(train("auto")).toEqual(alone);
  });

  it("calls at once take turns, also behind one that fails: the last one stays", async () => {
    const wrong = expect(useThreads(1.5)).rejects.toThrow(ValueError);
    const results = await Promise.all([useThreads(3), useThreads(2), useThreads(2), useThreads(1), useThreads(4)]);
    await wrong;
    expect(results.map(({ threads }) => threads)).toEqual([3, 2, 2, 1, 4]);
    expect(alive()).toBe(3);
    expect(train("auto")).toEqual(alone);
  });

  it("64 are the most, and two where the system gives one worker", async () => {
    noWorkerFrom(2);
    const why = "62 of 63 workers did not start: the system gives no more threads";
    expect(await useThreads(1e6)).toEqual({ threads: 2, why: `64 threads are the most; ${why}` });
    expect(warnings).toEqual([`skipstone: useThreads: ${why}`]);
    expect(train("auto")).toEqual(alone);
    expect(callsOf(started[0])).toBeGreaterThan(100);
  });
});

describe("is refused before anything is started", () => {
  it.each([
    [0, ValueError, "useThreads: n must be a whole number of 1 or more, got 0"],
    [-1, ValueError, "useThreads: n must be a whole number of 1 or more, got -1"],
    [1.5, ValueError, "useThreads: n must be a whole number of 1 or more, got 1.5"],
    [Number.NaN, ValueError, "useThreads: n must be a whole number of 1 or more, got NaN"],
    ["2", UsageError, 'useThreads: n must be a whole number of 1 or more, got "2"'],
    [null, UsageError, "useThreads: n must be a whole number of 1 or more, got null"],
  ])("n = %o", async (n, Kind, message) => {
    const refused = expect(useThreads(n as number)).rejects;
    await refused.toThrow(Kind);
    await refused.toThrow(message);
    expect(started).toEqual([]);
  });

  it("options that there are not, and a worker that is no URL", async () => {
    await expect(useThreads(2, { workers: "x.js" } as object)).rejects.toThrow(
      'useThreads: there is no option "workers": did you mean "worker"? (options: worker)',
    );
    for (const worker of [7, {}, null] as unknown as string[]) {
      await expect(useThreads(2, { worker })).rejects.toThrow("useThreads: worker must be a URL or a string, got ");
    }
    expect(started).toEqual([]);
  });

  it("inside a step", async () => {
    const refused: Promise<unknown>[] = [];
    noGrad(() => void refused.push(useThreads(2), useThreads(1)));
    expect(refused).toHaveLength(2);
    for (const one of refused) {
      await expect(one).rejects.toThrow(UsageError);
      await expect(one).rejects.toThrow("useThreads: threads cannot come or go inside a step: await it before");
    }
    expect(started).toEqual([]);
  });
});

describe("and tiers", () => {
  it("on the plain tier this thread computes alone, and the reason is returned", async () => {
    await useThreads(2);
    useKernels("plain");
    const why = "threads are for the SIMD tier, and the plain tier is in use";
    expect(await useThreads(2)).toEqual({ threads: 1, why });
    expect(alive()).toBe(0);
    expect(tierInUse().name).toBe("plain");
    expect(await useThreads(1)).toEqual({ threads: 1, why: null });
  });

  it("without a SIMD tier, too", async () => {
    const { WebAssembly } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, "WebAssembly");
      const why = "threads are for the SIMD tier: this platform has no WebAssembly";
      expect(await useThreads(2)).toEqual({ threads: 1, why });
    } finally {
      globalThis.WebAssembly = WebAssembly;
    }
    expect(started).toEqual([]);
  });

  it("workers stay while the plain tier computes, and compute when the SIMD tier is in use again", async () => {
    await useThreads(2);
    const plain = train("plain");
    const calls = callsOf(started[0]);
    expect(train("plain")).toEqual(plain);
    expect(callsOf(started[0])).toBe(calls);
    expect(train("simd")).toEqual(alone);
    expect(callsOf(started[0])).toBeGreaterThan(calls);
  });

  it("an earlier SIMD tier that is put back computes alone, until useThreads is called again", async () => {
    useKernels("simd");
    const before = tierInUse();
    await useThreads(2);
    expect(train(before)).toEqual(alone);
    expect(callsOf(started[0])).toBe(0);
    useKernels(before);
    expect(await useThreads(2)).toEqual({ threads: 2, why: null });
    expect(train("auto")).toEqual(alone);
    expect(callsOf(started[0])).toBeGreaterThan(100);
    // The one with the workers, too, when they are gone.
    const team = tierInUse();
    await useThreads(1);
    expect(train(team)).toEqual(alone);
  });
});

it("two copies of the library have threads of their own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skipstone-threads-"));
  try {
    const outfile = join(folder, "copy.mjs");
    await build({ entryPoints: ["src/index.ts"], bundle: true, format: "esm", outfile, logLevel: "error" });
    const copy = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as typeof import("../../src/index.ts");
    const both = await Promise.all([useThreads(2), copy.useThreads(3)]);
    expect(both.map(({ threads }) => threads)).toEqual([2, 3]);
    expect(alive()).toBe(3);
    const x = copy.randn([300, 300], new copy.Rng(1));
    const product = copy.matmul(x, x).toArray();
    expect(train("auto")).toEqual(alone);
    await copy.useThreads(1);
    expect(alive()).toBe(1);
    expect(copy.matmul(x, x).toArray()).toEqual(product);
    expect(train("auto")).toEqual(alone);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
