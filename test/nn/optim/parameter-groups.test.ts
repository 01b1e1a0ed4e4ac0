/** parameterGroups: what goes into one group, and what an optimiser makes of it. */
import { expect, it } from "vitest";
import { backward, cifarResNet, crossEntropy, freeze, parameterGroups, Rng, randn, SGD } from "../../../src/index.ts";

const model = (): ReturnType<typeof cifarResNet> => cifarResNet(8, { width: 4, rng: new Rng(0) });

it("one group for equal options, in whatever order they are named; frozen parameters are left out", () => {
  const net = model();
  freeze(net.conv1);
  const groups = parameterGroups(net, (name) =>
    name.startsWith("fc")
      ? { lr: 1, weightDecay: 0 }
      : name.includes("bn")
        ? { weightDecay: 0, lr: 1 }
        : { lr: 0.5, weightDecay: 0.1 },
  );
  expect(groups.map(({ parameters, ...options }) => options)).toEqual([
    { lr: 1, weightDecay: 0 },
    { lr: 0.5, weightDecay: 0.1 },
  ]);
  const grouped = groups.flatMap(({ parameters }) => parameters);
  expect(new Set(grouped)).toEqual(new Set(net.parameters().filter((t) => t !== net.conv1.weight)));
  expect(grouped).toHaveLength(net.parameters().length - 1);
});

it("each group moves by its own rate", () => {
  const step = (rate: (name: string) => number): Map<string, number> => {
    const net = model();
    const optimizer = new SGD(
      parameterGroups(net, (name) => ({ lr: rate(name) })),
      { lr: 1 },
    );
    const before = new Map(net.namedParameters().map(([name, t]) => [name, t.data.slice()]));
    optimizer.step(backward(crossEntropy(net.forward(randn([2, 3, 8, 8], new Rng(1))), [0, 1])));
    return new Map(net.namedParameters().map(([name, t]) => [name, t.data[0] - before.get(name)![0]]));
  };
  const [whole, half] = [step(() => 1), step((name) => (name.startsWith("fc") ? 1 : 0.5))];
  for (const [name, moved] of half) {
    expect(moved / whole.get(name)!).toBeCloseTo(name.startsWith("fc") ? 1 : 0.5, 2);
  }
});

it("refuses what gives no options, and a model that is frozen", () => {
  expect(() => parameterGroups(model(), (() => 0.1) as never)).toThrow(/the options of "conv1.weight" must be/);
  expect(() => parameterGroups(model(), { lr: 1 } as never)).toThrow(/optionsOf must be a function/);
  expect(() => parameterGroups(freeze(model()), () => ({}))).toThrow(/no parameter that is trained/);
});
