/** WeightAverage: the average by its definition, on both tiers; what it gives, takes and refuses. */
import { afterEach, describe, expect, it } from "vitest";
import {
  BatchNorm2d,
  Conv2d,
  copyState,
  Linear,
  Rng,
  randn,
  Sequential,
  useKernels,
  WeightAverage,
} from "../../src/index.ts";

afterEach(() => {
  useKernels("auto");
});

describe.each(["simd", "plain"] as const)("%s", (tier) => {
  it("a ← d·a + (1 − d)·w", () => {
    useKernels(tier);
    const model = new Linear(5, 3, { rng: new Rng(0) });
    const average = new WeightAverage(model, { decay: 0.75 });
    const expected = Float64Array.from(model.weight.data);
    for (let step = 0; step < 5; step++) {
      model.weight.assign(randn([3, 5], new Rng(step)));
      average.update();
      model.weight.data.forEach((w, i) => {
        expected[i] = 0.75 * expected[i] + 0.25 * w;
      });
    }
    const got = average.stateDict()["weight"].data;
    got.forEach((a, i) => {
      expect(a).toBeCloseTo(expected[i], 6);
    });
  });
});

it("parameters are averaged, running statistics are the model's; nothing of the model changes", () => {
  const model = new Sequential(new Conv2d(2, 3, 3, { rng: new Rng(0) }), new BatchNorm2d(3));
  const before = copyState(model);
  const average = new WeightAverage(model);
  model.forward(randn([4, 2, 6, 6], new Rng(1)));
  average.update();
  const state = average.stateDict();
  expect(Object.keys(state)).toEqual(Object.keys(before));
  expect(state["1.running_mean"].toArray()).toEqual(model.stateDict()["1.running_mean"].toArray());
  expect(state["1.running_mean"].toArray()).not.toEqual(before["1.running_mean"].toArray());
  expect(state["0.weight"].toArray()).toEqual(before["0.weight"].toArray());
  model.loadStateDict(state);
});

it("goes on from its state", () => {
  const make = (): { model: Linear; average: WeightAverage } => {
    const model = new Linear(4, 2, { rng: new Rng(0) });
    return { model, average: new WeightAverage(model, { decay: 0.5 }) };
  };
  const step = ({ model, average }: ReturnType<typeof make>, seed: number): void => {
    model.weight.assign(randn([2, 4], new Rng(seed)));
    average.update();
  };
  const whole = make();
  step(whole, 1);
  step(whole, 2);
  const first = make();
  step(first, 1);
  const second = make();
  second.average.loadStateDict(first.average.stateDict());
  step(second, 2);
  expect(second.average.stateDict()["weight"].toArray()).toEqual(whole.average.stateDict()["weight"].toArray());
  expect(() => second.average.loadStateDict({ weight: randn([3, 4], new Rng(0)) })).toThrow(
    /does not fit this WeightAverage/,
  );
});

it("refuses a decay out of range, and what is no model", () => {
  const model = new Linear(4, 2, { rng: new Rng(0) });
  expect(() => new WeightAverage(model, { decay: 1.5 })).toThrow(/WeightAverage: decay must be/);
  expect(() => new WeightAverage([] as never)).toThrow(/WeightAverage: needs a module/);
});
