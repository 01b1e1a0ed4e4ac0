/** SGD's, Adam's and RMSprop's updates in SIMD against the plain tier. */
import { beforeEach, describe, expect, it } from "vitest";
import type { AdamStep, RmspropStep, SgdStep } from "../../../src/tensor/kernels.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { adam, rmsprop, sgd } from "../../../src/tensor/simd/update.ts";
import { random, unwritten } from "../../support/kernel.ts";
import { engine, expectNear, homes, place } from "../../support/simd.ts";

beforeEach(() => engine.arena.reset());

const base: SgdStep = {
  lr: 0.1,
  momentum: 0.9,
  dampening: 0,
  weightDecay: 5e-4,
  nesterov: false,
  maximize: false,
  first: false,
};
const sgdSteps: Partial<SgdStep>[] = [
  {},
  { nesterov: true },
  { first: true },
  { dampening: 0.3 },
  { weightDecay: 0 },
  { maximize: true },
];
const adamBase: AdamStep = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.1,
  decoupled: false,
  maximize: false,
  step: 3,
};
const adamSteps: Partial<AdamStep>[] = [
  {},
  { decoupled: true },
  { step: 1 },
  { step: 1000, weightDecay: 0 },
  { maximize: true },
];
const rmspropBase: RmspropStep = { lr: 0.01, alpha: 0.99, eps: 1e-3, momentum: 0.9, weightDecay: 0.1, maximize: false };

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

  it("sgd without momentum, maximizing", () => {
    const [w, gw] = [random(1037, 1), random(1037, 2)];
    const expected = w.slice();
    plainKernels.sgd(expected, gw, null, { ...base, maximize: true });
    const got = place(home, w);
    expect(sgd(engine, got, place(home, gw), null, { ...base, maximize: true })).toBe(true);
    expectNear(got, expected, 4, 5);
  });

  it.each(adamSteps.flatMap((options) => [options, { ...options, amsgrad: true }]))("adam %j", (options) => {
    const { amsgrad, ...step } = { amsgrad: false, ...adamBase, ...options };
    for (const n of [515, 1037]) {
      const [w, gw, m] = [random(n, 1), random(n, 2), random(n, 3)];
      const [v, peak] = [4, 5].map((seed) => random(n, seed).map((u) => u * u));
      const expected = [w, m, v, peak].map((array) => array.slice());
      plainKernels.adam(expected[0], gw, expected[1], expected[2], amsgrad ? expected[3] : null, step);
      const got = [w, m, v, peak].map((array) => place(home, array));
      expect(adam(engine, got[0], place(home, gw), got[1], got[2], amsgrad ? got[3] : null, step)).toBe(true);
      expectNear(got[0], expected[0], 4, 8);
      expectNear(got[1], expected[1], 5, 8);
      expectNear(got[2], expected[2], 6, 25);
      expectNear(got[3], expected[3], 6, 25);
    }
  });

  it.each([
    [false, false, {}],
    [false, true, { maximize: true }],
    [true, false, {}],
    [true, true, { weightDecay: 0 }],
  ])("rmsprop: centered %s, momentum %s, %j", (centered, hasMomentum, options) => {
    const step = { ...rmspropBase, ...options };
    for (const n of [515, 1037]) {
      const [w, gw, m, v] = [1, 2, 3, 4].map((seed) => random(n, seed));
      // Well above m², so that the root is not of a small difference.
      const s = random(n, 5).map((u, i) => 2 * m[i] * m[i] + u * u + 0.5);
      const expected = [w, s, m, v].map((array) => array.slice());
      const got = [w, s, m, v].map((array) => place(home, array));
      const mean = (arrays: readonly Float32Array[]): Float32Array | null => (centered ? arrays[2] : null);
      const velocity = (arrays: readonly Float32Array[]): Float32Array | null => (hasMomentum ? arrays[3] : null);
      plainKernels.rmsprop(expected[0], gw, expected[1], mean(expected), velocity(expected), step);
      expect(rmsprop(engine, got[0], place(home, gw), got[1], mean(got), velocity(got), step)).toBe(true);
      expectNear(got[0], expected[0], 4, 8);
      expectNear(got[1], expected[1], 6, 50);
      expectNear(got[2], expected[2], 5, 8);
      expectNear(got[3], expected[3], 12, 8);
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
    expect(adam(engine, w, gw, m, v, null, adamBase)).toBe(false);
    expect(rmsprop(engine, w, gw, m, v, null, rmspropBase)).toBe(false);
  });
  expect(arrays).toEqual(before);
  expect(sgd(engine, w, gw, m, base)).toBe(true);
});
