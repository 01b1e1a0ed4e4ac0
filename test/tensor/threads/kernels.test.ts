/** Every kernel of the SIMD tier computes the same bits on every number of threads. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { randn } from "../../../src/tensor/create.ts";
import type { ArrayKernels } from "../../../src/tensor/kernels.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { useThreads } from "../../../src/tensor/threads.ts";
import { useKernels } from "../../../src/tensor/tier.ts";
import { type Arrays, KERNEL_CASES, type KernelCase } from "../../support/kernel-cases.ts";
import { COUNTS, firstDifference, oneThread, threadsOf, watchTeam } from "../../support/threads.ts";

/** To draw millions of numbers would take longer than to compute with them. */
const TABLE = randn([9973], new Rng(2)).data as Float32Array;

const homes = ["ordinary arrays", "the engine's memory"] as const;
type Home = (typeof homes)[number];
type Results = readonly (Float32Array | Int32Array)[];

/** What a case computes, from the same numbers each time. */
function compute(kernels: ArrayKernels, { run }: KernelCase, home: Home): Results {
  const rng = new Rng(1);
  const results: (Float32Array | Int32Array)[] = [];
  const make = (size: number): Float32Array =>
    home === "ordinary arrays" ? new Float32Array(size) : (kernels.pool!.allocate(size, false) as Float32Array);
  const numbers = (size: number): Float32Array => {
    const start = Math.floor(rng.uniform() * TABLE.length);
    const x = make(size);
    for (let i = 0; i < size; i++) x[i] = TABLE[(start + i) % TABLE.length];
    return x;
  };
  const arrays: Arrays = {
    x: numbers,
    positive: (size) => {
      const x = numbers(size);
      for (let i = 0; i < size; i++) x[i] = Math.abs(x[i]) + 0.01;
      return x;
    },
    y: (size, content) => {
      const y = content ? content(size) : make(size).fill(Number.NaN);
      results.push(y);
      return y;
    },
    indices: (size) => {
      const y = new Int32Array(size).fill(-1);
      results.push(y);
      return y;
    },
  };
  run(kernels, arrays);
  const copies = results.map((array) => array.slice());
  kernels.pool!.reset();
  return copies;
}

const all = Object.entries(KERNEL_CASES).flatMap(([kernel, cases]) => cases.map((each) => ({ kernel, each })));
const label = (kernel: string, { name }: KernelCase): string => `${kernel} ${name}`;

it("there are cases for every kernel of the tier, small ones and ones that are divided", () => {
  const own = Object.keys(oneThread).filter((name) => {
    const kernel = oneThread[name as keyof ArrayKernels];
    return (
      typeof kernel === "function" &&
      name !== "told" &&
      name !== "ready" &&
      kernel !== plainKernels[name as keyof ArrayKernels]
    );
  });
  expect(Object.keys(KERNEL_CASES).sort()).toEqual(own.sort());
  for (const [kernel, cases] of Object.entries(KERNEL_CASES)) {
    expect(
      [true, false].every((how) => cases.some(({ divided }) => divided === how)),
      kernel,
    ).toBe(true);
  }
});

describe.each(homes)("in %s", (home) => {
  const expected = new Map<KernelCase, Results>();
  beforeAll(() => {
    for (const { kernel, each } of all) {
      expected.set(each, compute(oneThread, each, home));
      // A case that the plain tier computes would prove nothing.
      expect(oneThread.told!(kernel), label(kernel, each)).toMatchObject({ tier: "simd" });
    }
  });

  it.each(COUNTS)("every kernel computes the same bits on %i threads as on one", async (n) => {
    const threads = await threadsOf(n);
    const team = watchTeam();
    const different: string[] = [];
    const [undivided, divided]: string[][] = [[], []];
    for (const { kernel, each } of all) {
      team.mockClear();
      const results = compute(threads, each, home);
      const runs = team.mock.calls.length;
      if (runs > 0 && each.divided === false) divided.push(label(kernel, each));
      // The platform fills ordinary arrays faster than they could be copied.
      const filled = kernel === "avgPool2dGradient" && home === "ordinary arrays";
      if (runs === 0 && each.divided && n > 1 && !filled) undivided.push(label(kernel, each));
      expected.get(each)!.forEach((result, i) => {
        const at = firstDifference(result, results[i]);
        if (at >= 0)
          different.push(`${label(kernel, each)}: result ${i} at ${at}: ${result[at]} and ${results[i][at]}`);
      });
    }
    team.mockRestore();
    expect(different).toEqual([]);
    expect(divided).toEqual([]);
    expect(undivided).toEqual([]);
  });
});

afterEach(() => {
  useKernels(oneThread);
});
afterAll(async () => {
  useKernels("simd");
  await useThreads(1);
});
