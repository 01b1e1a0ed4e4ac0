/** Workers that do not start, and workers that die: the rest goes on with the right result, or the error is clear; nothing waits for ever. */
import { describe, expect, it } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { matmul } from "../../src/autograd/matmul.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { SGD } from "../../src/nn/optim/sgd.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { findWorkers, type Workers } from "../../src/tensor/simd/threads/start.ts";
import { Threads } from "../../src/tensor/simd/threads/threads.ts";
import { branchIf, f32, func, get, i32, loop, set } from "../../src/tensor/simd/wasm/assembler.ts";
import { Engine } from "../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../src/tensor/simd/wasm/features.ts";
import { useThreads } from "../../src/tensor/threads.ts";
import { type Training, train } from "../browser/training.ts";
import { armed, callsOf, dyingWorkers, programOfWorkers, started, warnings, watchWorkers } from "../support/workers.ts";

watchWorkers();

/** What one thread computes. */
const alone: Training = train("auto");

const turn = (milliseconds = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn(5);
}

describe("a worker that does not start", () => {
  it("because it fails: the others compute, after one warning", async () => {
    programOfWorkers('throw new Error("on purpose")', (thread) => thread === 1);
    const why = "1 of 2 workers did not start: Error: on purpose";
    expect(await useThreads(3)).toEqual({ threads: 2, why });
    expect(warnings).toEqual([`skipstone: useThreads: ${why}`]);
    expect(train("auto")).toEqual(alone);
    expect(callsOf(started[1])).toBeGreaterThan(100);
  });

  it("because it ends: the caller computes alone, and at the next call there are all", async () => {
    programOfWorkers("");
    const why = "2 of 2 workers did not start: it ended";
    expect(await useThreads(3)).toEqual({ threads: 1, why });
    expect(warnings).toEqual([`skipstone: useThreads: ${why}`]);
    expect(train("auto")).toEqual(alone);
    programOfWorkers("", () => false);
    expect(await useThreads(3)).toEqual({ threads: 3, why: null });
  });

  it("in ten seconds: it is ended, and does not come later", async () => {
    programOfWorkers("setInterval(() => {}, 1000)", (thread) => thread === 2);
    const why = "1 of 2 workers did not start: not ready after 10 s";
    expect(await useThreads(3)).toEqual({ threads: 2, why });
    expect(warnings).toEqual([`skipstone: useThreads: ${why}`]);
    await until(() => !started[1].alive);
    expect(train("auto")).toEqual(alone);
    expect(callsOf(started[1])).toBe(0);
  }, 60_000);
});

describe("a worker that dies between steps", () => {
  it("the rest goes on, after one warning; the next call brings another", async () => {
    await useThreads(3);
    expect(train("auto")).toEqual(alone);
    started[0].terminate();
    await until(() => warnings.length > 0);
    expect(warnings).toEqual(["skipstone: a worker thread is gone, 2 of 3 threads go on: it ended"]);
    const calls = callsOf(started[1]);
    expect(train("auto")).toEqual(alone);
    expect(callsOf(started[1])).toBeGreaterThan(calls);
    started[1].terminate();
    await until(() => warnings.length > 1);
    expect(train("auto")).toEqual(alone);
    expect(await useThreads(3)).toEqual({ threads: 3, why: null });
    expect(train("auto")).toEqual(alone);
    expect(warnings).toHaveLength(2);
  });

  it("one that the caller has ended itself is no news", async () => {
    await useThreads(2);
    await useThreads(1);
    await turn(50);
    expect(warnings).toEqual([]);
  });
});

/** What one thread computes, of sizes that take several chunks. */
const x = randn([400, 400], new Rng(1));
const product = noGrad(() => matmul(x, x)).toArray();

describe("a worker that dies in the middle of its work", () => {
  it.each([
    ["stops", "for (;;);"],
    ["sleeps", "Atomics.wait(armed, 0, 1);"],
    ["throws", 'throw new Error("on purpose");'],
    ["ends", "process.exit();"],
  ])("and %s: what it had begun is done again, after one warning; one thread goes on", async (_, death) => {
    dyingWorkers(death);
    await useThreads(3);
    expect(noGrad(() => matmul(x, x)).toArray()).toEqual(product);
    armed[0] = 1;
    await untilDead(() => expect(noGrad(() => matmul(x, x)).toArray()).toEqual(product));
    expect(warnings).toEqual([
      "skipstone: a worker thread stopped in the middle of its work: one thread computes from now on",
    ]);
    expect(train("auto")).toEqual(alone);
    await until(() => started.every((worker) => !worker.alive));
    await turn(20);
    expect(warnings).toHaveLength(1);

    dyingWorkers("");
    expect(await useThreads(2)).toEqual({ threads: 2, why: null });
    expect(noGrad(() => matmul(x, x)).toArray()).toEqual(product);
  });

  it("of numbers that change in place: an error says so, and one thread goes on", async () => {
    dyingWorkers("for (;;);");
    await useThreads(2);
    const w = randn([2 ** 20], new Rng(2), { requiresGrad: true });
    const optimizer = new SGD([w], { lr: 0.1 });
    const grads = backward(sum(mul(w, w)));
    armed[0] = 1;
    const step = (): void => untilDeadAtOnce(() => optimizer.step(grads));
    expect(step).toThrow(
      /^a worker thread stopped while it changed numbers in place .*: start again from what was saved before$/,
    );
    expect(warnings).toHaveLength(1);
    expect(train("auto")).toEqual(alone);
  });

  it("ended from outside during a step: the right result, from the next step on too", async () => {
    await useThreads(3);
    let ended = false;
    const work = (): unknown =>
      noGrad(() => {
        const first = matmul(x, x);
        if (!ended) started[0].terminate();
        ended = true;
        return [first.toArray(), matmul(x, x).toArray(), matmul(x, x).toArray()];
      });
    expect(work()).toEqual([product, product, product]);
    expect(work()).toEqual([product, product, product]);
    await turn(50);
    expect(work()).toEqual([product, product, product]);
    expect(warnings).toHaveLength(1);
  });
});

/** Repeats `work` until a worker has died in it: it may be that none gets to take anything. */
async function untilDead(work: () => void): Promise<void> {
  for (let i = 0; i < 1000 && warnings.length === 0; i++) {
    work();
    await turn();
  }
}

function untilDeadAtOnce(work: () => void): void {
  for (let i = 0; i < 1000 && warnings.length === 0; i++) work();
}

describe("an exception", () => {
  it("in a step: the next one is right", async () => {
    await useThreads(3);
    const w = randn([400, 400], new Rng(3), { requiresGrad: true });
    const step = (fails: boolean): unknown =>
      valueAndGrad(() => {
        const y = matmul(w, x);
        if (fails) throw new Error("in the step");
        return sum(y);
      })
        .grads.get(w)
        .toArray();
    await useThreads(1);
    const expected = step(false);
    await useThreads(3);
    expect(() => step(true)).toThrow("in the step");
    expect(step(false)).toEqual(expected);
    expect(train("auto")).toEqual(alone);
    expect(warnings).toEqual([]);
  });

  it("while work is being written down: what was written is done, the error is thrown, the next kernel is right", async () => {
    let threads: Threads | undefined;
    const engine = new Engine(webAssembly()!, undefined, undefined, (memory) => (threads = new Threads(memory)));
    const workers = findWorkers(undefined) as Workers;
    for (const thread of [1, 2]) threads!.add(workers.start({ shared: threads!.shared, thread }, () => {}));
    await until(() => threads!.working === 2);
    const { fill } = engine.program("fill", () => [filling]);
    const y = engine.arena.allocate(1000)!;
    const run = (value: number, fails: boolean): boolean =>
      engine.run((call) => {
        const py = call.output(y);
        call.split(1000, 10, (from, to) => {
          fill(py + 4 * from, to - from, value);
          if (fails && to > 500) throw new Error("while it is written down");
        });
      });
    expect(run(1, false)).toBe(true);
    expect(y).toEqual(new Float32Array(1000).fill(1));
    expect(() => run(2, true)).toThrow("while it is written down");
    expect([...new Set(y)].sort()).toEqual([1, 2]);
    expect(run(3, false)).toBe(true);
    expect(y).toEqual(new Float32Array(1000).fill(3));
    await threads!.end();
    expect(run(4, false)).toBe(true);
    expect(y).toEqual(new Float32Array(1000).fill(4));
  });
});

/** fill(address, count, value) */
const filling = func("fill", ["i32", "i32", "f32"], () => {
  const [address, count, value] = [0, 1, 2];
  return [
    loop(
      [get(address), get(value), f32.store()],
      set(address, get(address), i32.const(4), i32.add),
      set(count, get(count), i32.const(-1), i32.add),
      [get(count), branchIf(0)],
    ),
  ];
});
