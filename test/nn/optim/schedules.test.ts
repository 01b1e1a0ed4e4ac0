/** Schedules that the golden file does not cover, and what all of them do at their ends. */
import { describe, expect, it } from "vitest";
import { type Schedule, schedules } from "../../../src/nn/index.ts";

const list = (schedule: Schedule, steps: number): number[] =>
  Array.from({ length: steps }, (_, step) => Number(schedule(step).toFixed(10)));

it("constant", () => {
  expect(list(schedules.constant(0.3), 3)).toEqual([0.3, 0.3, 0.3]);
});

it("polynomial falls to 0 and stays: power 1 and 2", () => {
  expect(list(schedules.polynomial(1, { steps: 4 }), 6)).toEqual([1, 0.75, 0.5, 0.25, 0, 0]);
  expect(list(schedules.polynomial(1, { steps: 4, power: 2 }), 5)).toEqual([1, 0.5625, 0.25, 0.0625, 0]);
});

it("cosine stays at its end, where PyTorch's would rise again", () => {
  expect(list(schedules.cosine(1, { steps: 2, minLr: 0.2 }), 6)).toEqual([1, 0.6, 0.2, 0.2, 0.2, 0.2]);
});

it("cosineRestarts: the same again, or twice as long each time", () => {
  expect(list(schedules.cosineRestarts(1, { steps: 2 }), 6)).toEqual([1, 0.5, 1, 0.5, 1, 0.5]);
  // Cycles of 1, 2 and 4 steps.
  const growing = list(schedules.cosineRestarts(1, { steps: 1, factor: 2 }), 8);
  expect(growing).toEqual([1, 1, 0.5, 1, 0.8535533906, 0.5, 0.1464466094, 1]);
});

it("warmup starts at startFactor and hands over to the schedule's own step 0", () => {
  const seen: number[] = [];
  const then: Schedule = (step) => {
    seen.push(step);
    return 1 - step / 10;
  };
  expect(list(schedules.warmup(then, { steps: 4 }), 7)).toEqual([0, 0.25, 0.5, 0.75, 1, 0.9, 0.8]);
  expect(seen.slice(1)).toEqual([0, 1, 2]);
  expect(schedules.warmup(then, { steps: 0 })).toBe(then);
});

it("sequence: each schedule counts from its own start (He et al. 2015: ResNet-110 warms up at 0.01)", () => {
  const schedule = schedules.sequence(
    [schedules.constant(0.01), schedules.stepDecay(0.1, { every: 3 }), schedules.constant(5)],
    [2, 7],
  );
  expect(list(schedule, 9)).toEqual([0.01, 0.01, 0.1, 0.1, 0.1, 0.01, 0.01, 5, 5]);
});

it("oneCycle in straight lines, and after its end", () => {
  const { lr, momentum } = schedules.oneCycle(1, {
    steps: 10,
    warmupFraction: 0.5,
    startDivisor: 5,
    endDivisor: 2,
    anneal: "linear",
  });
  expect(list(lr, 12)).toEqual([0.2, 0.4, 0.6, 0.8, 1, 0.82, 0.64, 0.46, 0.28, 0.1, 0.1, 0.1]);
  expect(momentum(0)).toBe(0.95);
  expect(momentum(4)).toBeCloseTo(0.85, 12);
  expect(momentum(20)).toBeCloseTo(0.95, 12);
});

it("oneCycle of one or two steps is finite", () => {
  for (const steps of [1, 2]) {
    for (const warmupFraction of [0, 0.5, 1]) {
      const { lr } = schedules.oneCycle(1, { steps, warmupFraction });
      for (let step = 0; step < 3; step++) expect(Number.isFinite(lr(step))).toBe(true);
    }
  }
});

it("every schedule is a pure function: asked in any order, the same answers", () => {
  const all: Schedule[] = [
    schedules.stepDecay(1, { every: 3 }),
    schedules.multiStepDecay(1, { milestones: [2, 5] }),
    schedules.exponentialDecay(1, { factor: 0.9 }),
    schedules.linear(1, { steps: 4 }),
    schedules.cosine(1, { steps: 8 }),
    schedules.cosineRestarts(1, { steps: 3, factor: 1.5 }),
    schedules.warmup(schedules.cosine(1, { steps: 8 }), { steps: 3 }),
    schedules.oneCycle(1, { steps: 9 }).lr,
  ];
  for (const schedule of all) {
    const forwards = Array.from({ length: 12 }, (_, i) => schedule(i));
    const backwards = Array.from({ length: 12 }, (_, i) => schedule(11 - i)).reverse();
    expect(backwards).toEqual(forwards);
  }
});

describe("errors", () => {
  it.each([
    [() => schedules.stepDecay(1, { every: 0 }), "stepDecay: every must be a finite number above 0, got 0"],
    [() => schedules.cosine(1, { steps: -1 }), "cosine: steps must be a finite number above 0, got -1"],
    [() => schedules.linear(1, { steps: Number.NaN }), "linear: steps must be a finite number above 0, got NaN"],
    [
      () => schedules.cosineRestarts(1, { steps: 3, factor: 0.5 }),
      "cosineRestarts: factor must be a finite number of 1 or more, got 0.5",
    ],
    [
      () => schedules.sequence([schedules.constant(1), schedules.constant(2)], []),
      "sequence: 2 schedules need 1 rising milestones, got []",
    ],
    [
      () => schedules.sequence([schedules.constant(1), schedules.constant(2), schedules.constant(3)], [5, 5]),
      "sequence: 3 schedules need 2 rising milestones, got [5, 5]",
    ],
    [() => schedules.constant(-1), "constant: the rate must be a finite number of 0 or more, got -1"],
    [
      () => schedules.cosine("0.1" as never, { steps: 3 }),
      'cosine: the rate must be a finite number of 0 or more, got "0',
    ],
    [() => schedules.cosine(1, 100 as never), "cosine: options must be an object, { steps, minLr }, got 100"],
    [() => schedules.cosine(1, undefined as never), "cosine: options are missing: { steps, minLr }"],
    [() => schedules.cosine(1, { steps: "9" as never }), 'cosine: steps must be a finite number above 0, got "9"'],
    [
      () => schedules.cosine(1, { steps: 9, min_lr: 0 } as never),
      'cosine: there is no option "min_lr": did you mean "minLr"?',
    ],
    [() => schedules.stepDecay(1, { every: 3, gamma: 0.1 } as never), 'stepDecay: there is no option "gamma"'],
    [() => schedules.stepDecay(1, { every: 3, factor: Number.NaN }), "stepDecay: factor must be a finite number"],
    [
      () => schedules.multiStepDecay(1, { milestones: 30 as never }),
      "multiStepDecay: milestones must be a list of steps",
    ],
    [() => schedules.multiStepDecay(1, { milestone: [30] } as never), 'did you mean "milestones"?'],
    [() => schedules.exponentialDecay(1, { factor: undefined as never }), "exponentialDecay: factor must be a finite"],
    [() => schedules.linear(1, { steps: 3, start: 0 } as never), 'linear: there is no option "start"'],
    [() => schedules.polynomial(1, { steps: 3, power: -1 }), "polynomial: power must be a finite number of 0 or more"],
    [
      () => schedules.warmup(0.1 as never, { steps: 3 }),
      "warmup: a schedule must be a function from a step to a number, got 0.1",
    ],
    [() => schedules.warmup(schedules.constant(1), 5 as never), "warmup: options must be an object"],
    [
      () => schedules.sequence([1, 2] as never, [3]),
      "sequence: a schedule must be a function from a step to a number, got 1",
    ],
    [() => schedules.oneCycle(1, { steps: 9, maxLr: 1 } as never), 'oneCycle: there is no option "maxLr"'],
    [
      () => schedules.oneCycle(1, { steps: 9, anneal: "cos" as never }),
      'oneCycle: anneal must be "cosine" or "linear"',
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});
