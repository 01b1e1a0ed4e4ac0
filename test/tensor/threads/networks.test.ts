/** Whole networks: the same bits, forward and backward, on every number of threads, and in a training. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { valueAndGrad } from "../../../src/autograd/backward.ts";
import { crossEntropy } from "../../../src/autograd/losses.ts";
import { type Module, SGD, type StateDict } from "../../../src/nn/index.ts";
import { cifarResNet, highwayConvNet, resnet18, vgg } from "../../../src/resnet/index.ts";
import { randn } from "../../../src/tensor/create.ts";
import type { ArrayKernels, TierInUse } from "../../../src/tensor/kernels.ts";
import type { Floats } from "../../../src/tensor/memory.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import { useThreads } from "../../../src/tensor/threads.ts";
import { useKernels } from "../../../src/tensor/tier.ts";
import { COUNTS, firstDifference, oneThread, threadsOf, watchTeam } from "../../support/threads.ts";

const NETWORKS: Readonly<Record<string, readonly [make: (rng: Rng) => Module, x: Shape]>> = {
  plain: [(rng) => cifarResNet(8, { shortcut: "none", width: 12, rng }), [9, 3, 31, 29]],
  residual: [(rng) => cifarResNet(8, { width: 16, rng }), [13, 3, 32, 32]],
  highway: [(rng) => highwayConvNet(7, { width: 12, inChannels: 3, rng }), [5, 3, 28, 28]],
  "VGG-11": [(rng) => vgg(11, { classes: 10, gridSize: 1, hidden: [64], dropout: 0, rng }), [2, 3, 32, 32]],
  "ResNet-18": [(rng) => resnet18({ classes: 10, rng }), [2, 3, 64, 64]],
};

/** To draw millions of weights takes longer than the rest: each network is made once. */
const made = new Map<string, { model: Module; state: StateDict }>();

/** The network, as it was made. */
function fresh(name: string): Module {
  let known = made.get(name);
  if (!known) {
    const model = NETWORKS[name][0](new Rng(3));
    known = { model, state: Object.fromEntries(Object.entries(model.stateDict()).map(([key, t]) => [key, t.clone()])) };
    made.set(name, known);
  }
  known.model.loadStateDict(known.state);
  return known.model;
}

/** The loss, all gradients and the running statistics after one step. */
function compute(name: string): readonly Floats[] {
  const [, shape] = NETWORKS[name];
  const model = fresh(name);
  const labels = Array.from({ length: shape[0] }, (_, i) => i % 10);
  const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(randn(shape, new Rng(4))), labels));
  const gradients = model.parameters().map((p) => grads.get(p).data);
  return [value.data, ...gradients, ...Object.values(model.stateDict()).map((t) => t.data.slice())];
}

/** 200 steps of a small residual network: their losses, and the parameters at the end. */
function train(kernels: ArrayKernels): readonly Floats[] {
  useKernels(kernels as unknown as TierInUse);
  const rng = new Rng(5);
  const model = cifarResNet(8, { width: 8, rng });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 });
  const x = randn([12, 3, 20, 20], rng);
  const labels = Array.from({ length: 12 }, (_, i) => i % 10);
  const losses: number[] = [];
  for (let i = 0; i < 200; i++) {
    const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(x), labels));
    optimizer.step(grads);
    losses.push(value.item());
  }
  return [Float32Array.from(losses), ...model.parameters().map((p) => p.data)];
}

/** Where the bits of two runs differ: by result, the first number. */
function differences(a: readonly Floats[], b: readonly Floats[]): string[] {
  expect(a.length).toBe(b.length);
  return a.flatMap((values, i) => {
    const at = firstDifference(values as Float32Array, b[i] as Float32Array);
    return at < 0 ? [] : [`result ${i} at ${at}`];
  });
}

/** A process that keeps a core busy. */
async function busy<T>(fn: () => T): Promise<T> {
  const child: ChildProcess = spawn(process.execPath, ["-e", "process.stdout.write('.'); for (;;);"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await once(child.stdout!, "data");
    return fn();
  } finally {
    child.kill("SIGKILL");
  }
}

let expected: Map<string, readonly Floats[]>;
let trained: readonly Floats[];
beforeAll(() => {
  useKernels(oneThread as unknown as TierInUse);
  expected = new Map(Object.keys(NETWORKS).map((name) => [name, compute(name)]));
  trained = train(oneThread);
});

it("the training on one thread learns", () => {
  const [losses] = trained;
  expect(losses[199]).toBeLessThan(0.1 * losses[0]);
});

describe.each(COUNTS)("on %i threads, the same bits:", (n) => {
  let threads: ArrayKernels;
  beforeAll(async () => {
    threads = await threadsOf(n);
  });

  it.each(Object.keys(NETWORKS))("%s, forward and backward", (name) => {
    useKernels(threads as unknown as TierInUse);
    const team = watchTeam();
    const results = compute(name);
    if (n > 1) expect(team.mock.calls.length).toBeGreaterThan(50);
    else expect(team).not.toHaveBeenCalled();
    team.mockRestore();
    expect(differences(expected.get(name)!, results)).toEqual([]);
  });

  it("a training of 200 steps", () => {
    expect(differences(trained, train(threads))).toEqual([]);
  });

  it("while another process keeps a core busy", async () => {
    useKernels(threads as unknown as TierInUse);
    const results = await busy(() => compute("residual"));
    expect(differences(expected.get("residual")!, results)).toEqual([]);
  });
});

afterEach(() => {
  useKernels(oneThread as unknown as TierInUse);
});
afterAll(async () => {
  useKernels("simd");
  await useThreads(1);
});
