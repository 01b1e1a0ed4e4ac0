/** `schedules.plateau` by eye, in `fit` and in its checkpoints. PyTorch's own numbers: golden.test.ts. */
import { expect, it, vi } from "vitest";
import { type Checkpoint, fit, Linear, mseLoss, Rng, SGD, schedules } from "../../../src/index.ts";
import { tensor } from "../../../src/tensor/create.ts";

/** The rate after each metric. */
function rates(schedule: ReturnType<typeof schedules.plateau>, metrics: readonly number[]): number[] {
  return metrics.map((metric) => {
    schedule.step(metric);
    return schedule.lr();
  });
}

it("drops after more than `patience` metrics that are no better, and counts anew", () => {
  const schedule = schedules.plateau(1, { patience: 1, factor: 0.5 });
  expect(rates(schedule, [3, 2, 2, 2, 2, 2, 1])).toEqual([1, 1, 1, 0.5, 0.5, 0.25, 0.25]);
});

it("in a cooldown nothing is counted; minLr is the end; NaN is no improvement", () => {
  const cooled = schedules.plateau(1, { patience: 0, factor: 0.5, cooldown: 2 });
  expect(rates(cooled, [1, 1, 1, 1, 1])).toEqual([1, 0.5, 0.5, 0.5, 0.25]);
  const least = schedules.plateau(1, { patience: 0, factor: 0.1, minLr: 0.05 });
  expect(rates(least, [Number.NaN, Number.NaN, Number.NaN])).toEqual([0.1, 0.05, 0.05]);
});

it("has a rate for every step, and goes on from its state", () => {
  const metrics = [5, 4, 4, 4, 3, 3, 3, 3];
  const make = (): ReturnType<typeof schedules.plateau> =>
    schedules.plateau(1, { patience: 1, factor: 0.5, cooldown: 1 });
  const whole = rates(make(), metrics);
  for (let k = 0; k < metrics.length; k++) {
    const [first, second] = [make(), make()];
    rates(first, metrics.slice(0, k));
    second.loadStateDict(first.stateDict());
    expect(rates(second, metrics.slice(k))).toEqual(whole.slice(k));
  }
});

const line = (): Linear => new Linear(1, 1, { rng: new Rng(0) });
const data = (): { x: ReturnType<typeof tensor>; labels: ReturnType<typeof tensor> }[] => [
  { x: tensor([[1]]), labels: tensor([[1]]) },
];

it("fit trains with its rate, and a checkpoint has its state", async () => {
  const model = line();
  const schedule = schedules.plateau(0.5, { patience: 0, factor: 0.5 });
  const saved: Checkpoint[] = [];
  const { steps } = await fit(model, {
    data,
    loss: mseLoss,
    optimizer: new SGD(model.parameters(), { lr: 9 }),
    epochs: 3,
    schedule,
    onEpoch: ({ checkpoint }) => {
      schedule.step(1);
      saved.push(checkpoint());
    },
  });
  expect(steps.map(({ lr }) => lr)).toEqual([0.5, 0.5, 0.25]);
  const [other, anew] = [line(), schedules.plateau(0.5, { patience: 0, factor: 0.5 })];
  const optimizer = new SGD(other.parameters(), { lr: 9 });
  const rest = await fit(other, { data, loss: mseLoss, optimizer, epochs: 3, schedule: anew, resume: saved[1] });
  expect(rest.steps.map(({ lr }) => lr)).toEqual([0.25]);
  expect(other.weight.data).toEqual(model.weight.data);
});

it("errors: a state that is missing, or of no use here", async () => {
  const model = line();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const options = { data, loss: mseLoss, optimizer, epochs: 2 };
  const schedule = schedules.plateau(0.1);
  const saved: Checkpoint[] = [];
  const onStep = ({ checkpoint }: { checkpoint: () => Checkpoint }): void => {
    saved.push(checkpoint());
  };
  await fit(model, { ...options, steps: 1, onStep });
  await fit(model, { ...options, schedule, steps: 1, onStep });
  const before = [...model.weight.data];
  await expect(fit(model, { ...options, schedule, resume: saved[0] })).rejects.toThrow(
    "fit: resume: the checkpoint does not have the schedule's state",
  );
  expect([...model.weight.data]).toEqual(before);
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  await fit(model, { ...options, resume: saved[1] });
  expect(warned.mock.calls.flat().join()).toContain(
    "the checkpoint has the state of a schedule, and this one keeps none",
  );
  warned.mockRestore();
});

it.each([
  [() => schedules.plateau(-1), "plateau: the rate must be a finite number of 0 or more, got -1"],
  [() => schedules.plateau(1, { factor: 1 }), "plateau: factor must be a number in [0, 1), got 1"],
  [() => schedules.plateau(1, { patience: 0.5 }), "plateau: patience must be a whole number"],
  [() => schedules.plateau(1, { mode: "least" as never }), 'plateau: mode must be "min" or "max"'],
  [() => schedules.plateau(1, { thresholdMode: "relative" as never }), 'plateau: thresholdMode must be "rel" or "abs"'],
  [() => schedules.plateau(1, { threshold: Number.NaN }), "plateau: threshold must be a finite number of 0 or more"],
  [() => schedules.plateau(1, { min_lr: 0 } as never), 'did you mean "minLr"?'],
  [() => schedules.plateau(1).step("3" as never), 'plateau: the metric must be a number, got "3"'],
  [
    () => schedules.plateau(1).loadStateDict({ lr: 1 } as never),
    "plateau: loadStateDict takes what stateDict returned",
  ],
  [
    () => schedules.oneCycle(1, { steps: 9, threePhase: 1 as never }),
    "oneCycle: threePhase must be true or false, got 1",
  ],
])("errors %#", (call, message) => {
  expect(call).toThrow(message);
});
