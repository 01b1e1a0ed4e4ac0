/** Two copies of the library in one program, as two bundles make them: the first touch says so. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../../src/tensor/tensor.ts";

type Library = typeof import("../../src/index.ts");

let a: Library;
let b: Library;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "copies-"));
  const load = async (name: string): Promise<Library> => {
    const outfile = join(folder, `${name}.mjs`);
    await build({ entryPoints: ["src/index.ts"], bundle: true, format: "esm", outfile, logLevel: "error" });
    return (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as Library;
  };
  [a, b] = await Promise.all([load("a"), load("b")]);
}, 60_000);

const message = /a \w+ of another copy: two copies of Skipstone are loaded, and they do not work together/;

describe("a module of another copy is refused", () => {
  const model = (): InstanceType<Library["Sequential"]> => new a.Sequential(new a.Linear(2, 2, { rng: new a.Rng(0) }));

  it.each<[string, () => unknown]>([
    ["as a layer of Sequential", () => new b.Sequential(...model().layers)],
    ["as a property", () => new (holder())({ part: model() }).parameters()],
    ["in a container", () => new (holder())({ parts: new Map([["x", [model()]]]) }).eval()],
    ["by freeze", () => b.freeze(model())],
    ["by freezeStatistics", () => b.freezeStatistics(model())],
    ["by unfreeze", () => b.unfreeze(model())],
    ["by fuse", () => b.fuse(model())],
    [
      "by observe",
      () =>
        b.observe(
          model(),
          () => {},
          () => 0,
        ),
    ],
    ["by useConvAlgorithm", () => b.useConvAlgorithm(model(), "direct")],
    ["by Expansion", () => new b.Expansion(model(), { at: [1] })],
    ["by readGates", () => b.readGates(model(), b.zeros([1, 2]))],
    ["by summary", () => b.summary(model(), [2])],
  ])("%s", (_, touch) => {
    expect(touch).toThrow(message);
    expect(touch).toThrow(b.UsageError);
  });

  it("and those of one copy work together", () => {
    expect(model().forward(a.zeros([1, 2])).shape).toEqual([1, 2]);
    expect(new (holder())({ part: new b.ReLU() }).namedModules()).toHaveLength(2);
  });

  /** A module of copy b with the given properties. */
  function holder(): new (properties: object) => InstanceType<Library["Module"]> {
    return class Holder extends b.Module {
      constructor(properties: object) {
        super();
        Object.assign(this, properties);
      }

      forward(x: Tensor): Tensor {
        return x;
      }
    };
  }
});

describe("a tensor, gradients or an optimiser of another copy are refused", () => {
  const data = (copy: Library): (() => { x: Tensor; labels: number[] }[]) => {
    const x = copy.randn([4, 2], new copy.Rng(1));
    return () => [{ x, labels: [0, 1, 0, 1] }];
  };
  const model = (copy: Library): InstanceType<Library["Sequential"]> =>
    new copy.Sequential(new copy.Linear(2, 2, { rng: new copy.Rng(0) }));

  const gradients = (copy: Library) => copy.backward(copy.sum(copy.tensor([1], { requiresGrad: true })));

  it.each<[string, () => unknown]>([
    ["by an operation", () => b.add(a.zeros([2]), 1)],
    ["as a weight of an operation", () => b.linear(b.zeros([1, 2]), a.zeros([2, 2]))],
    ["by a layer", () => model(b).forward(a.zeros([1, 2]))],
    ["by backward", () => b.backward(a.sum(a.tensor([1], { requiresGrad: true })))],
    ["by an optimiser", () => new b.SGD(model(a).parameters(), { lr: 0.1 })],
    ["in a state", () => model(b).loadStateDict(model(a).stateDict())],
    ["by a writer", () => b.writeSafetensors(model(a).stateDict())],
    ["when their gradients are asked for", () => gradients(b).get(a.zeros([2]))],
    ["also whether there are some", () => gradients(b).has(a.zeros([2]))],
    ["by a sum of gradients", () => gradients(b).plus(gradients(a) as never)],
    ["by an optimiser's step", () => new b.SGD(model(b).parameters(), { lr: 0.1 }).step(gradients(a) as never)],
    ["by parameter", () => b.parameter(a.zeros([2]))],
    ["by buffer", () => b.buffer(a.zeros([2]))],
    ["by an initialiser", () => b.init.normal(a.zeros([2]), new b.Rng(0))],
    ["by gradcheck", () => b.gradcheck((x) => b.sum(x), [a.zeros([2])])],
    ["by accuracy", () => b.accuracy(a.zeros([1, 2]), [0])],
    ["by certify", () => b.certify(b.cifarResNet(8, { width: 2, rng: new b.Rng(0) }), a.zeros([1, 3, 8, 8]))],
  ])("%s", (_, touch) => {
    expect(touch).toThrow(/two copies of Skipstone are loaded/);
    expect(touch).toThrow(b.UsageError);
  });

  it("by fit and evaluate: model, data, optimiser", async () => {
    const optimizer = (copy: Library) => new copy.SGD(model(copy).parameters(), { lr: 0.1 });
    const own = model(b);
    for (const training of [
      () => b.fit(model(a), { data: data(b), optimizer: optimizer(b), steps: 1 }),
      () => b.fit(own, { data: data(a), optimizer: new b.SGD(own.parameters(), { lr: 0.1 }), steps: 1 }),
      () => b.evaluate(model(a), data(b)()),
      () => b.evaluate(own, data(a)()),
    ]) {
      await expect(training()).rejects.toThrow(/two copies of Skipstone are loaded/);
    }
    await expect(b.fit(own, { data: data(b), optimizer: optimizer(a), steps: 1 })).rejects.toThrow(b.UsageError);
  });

  it("what is no tensor crosses: weights as { shape, data }, generators", () => {
    const target = model(b);
    target.loadStateDict(structuredClone(model(a).stateDict()));
    expect(target.stateDict()["0.weight"].data).toEqual(model(a).stateDict()["0.weight"].data);
    expect(b.randn([3], new a.Rng(5)).data).toEqual(a.randn([3], new a.Rng(5)).data);
  });
});
