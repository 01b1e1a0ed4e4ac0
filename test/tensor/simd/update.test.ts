/** SGD's and Adam's updates in SIMD against the plain tier. */
import { beforeEach, describe, expect, it } from "vitest";
import type { AdamStep, SgdStep } from "../../../src/tensor/kernels.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { adam, sgd } from "../../../src/tensor/simd/update.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const base: SgdStep = { lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 5e-4, nesterov: false, first: false };
const sgdSteps: Partial<SgdStep>[] = [{}, { nesterov: true }, { first: true }, { dampening: 0.3 }, { weightDecay: 0 }];
const adamBase: AdamStep = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.1,
  decoupled: false,
  step: 3,
};
const adamSteps: Partial<AdamStep>[] = [{}, { decoupled: true }, { step: 1 }, { step: 1000, weightDecay: 0 }];

describe.each(homes)("updates, %s arrays", (home) => {
  it.each(sgdSteps)("sgd %j", (options) => {
    const step = { ...base, ...options };
    for (const n of [515, 1037]) {
      const [w, gw] = [random(n, 1), random(n, 2)];
      // Nothing may be read from v on the first step.
      const v = step.first ? unwritten(n) : random(n, 3);
      const [expectedW, expectedV] = [w.slice(), v.slice()];
      plainKernels.sgd(expectedW, gw, expectedV, step);
      const [gotW, gotV] = [place(home, w), place(home, v)];
      expect(sgd(engine, gotW, place(home, gw), gotV, step)).toBe(true);
      // Numbers of order 1 to 8, of which w and v are rounded sums and products.
      expectNear(gotV, expectedV, 5, 8);
      expectNear(gotW, expectedW, 4, 8);
    }
  });

  it("sgd without momentum", () => {
    const [w, gw] = [random(1037, 1), random(1037, 2)];
    const expected = w.slice();
    plainKernels.sgd(expected, gw, null, base);
    const got = place(home, w);
    expect(sgd(engine, got, place(home, gw), null, base)).toBe(true);
    expectNear(got, expected, 4, 5);
  });

  it.each(adamSteps)("adam %j", (options) => {
    const step = { ...adamBase, ...options };
    for (const n of [515, 1037]) {
      const [w, gw, m] = [random(n, 1), random(n, 2), random(n, 3)];
      const v = random(n, 4).map((u) => u * u);
      const expected = [w.slice(), m.slice(), v.slice()] as const;
      plainKernels.adam(expected[0], gw, expected[1], expected[2], step);
      const got = [place(home, w), place(home, m), place(home, v)] as const;
      expect(adam(engine, got[0], place(home, gw), got[1], got[2], step)).toBe(true);
      expectNear(got[0], expected[0], 4, 8);
      expectNear(got[1], expected[1], 5, 8);
      expectNear(got[2], expected[2], 6, 25);
    }
  });
});

it("with no room for copies nothing is computed, and nothing changed", () => {
  const arrays = [1, 2, 3, 4].map((seed) => random(2000, seed));
  const before = arrays.map((x) => x.slice());
  const [w, gw, m, v] = arrays;
  // While something lives in the memory it cannot grow, and all but a little of it is taken.
  engine.arena.allocate(1);
  engine.arena.borrow(() => {
    engine.arena.scratch(engine.arena.bytes / 4 - 5000);
    expect(sgd(engine, w, gw, m, base)).toBe(false);
    expect(adam(engine, w, gw, m, v, adamBase)).toBe(false);
  });
  expect(arrays).toEqual(before);
  expect(sgd(engine, w, gw, m, base)).toBe(true);
});
