import { describe, expect, test } from "vitest";
import { Glances } from "../../site/lab/glances.ts";
import type { ToPage } from "../../site/lab/protocol.ts";
import { DEFAULT_RUN, type Name, type Run } from "../../site/lab/state.ts";
import { Training } from "../../site/lab/training.ts";
import { byFit } from "./by-fit.ts";
import { digits } from "./digits.ts";

/** A run that is over soon. */
const RUN: Run = {
  ...DEFAULT_RUN,
  depth: 20,
  events: [
    { step: 5, side: "both", blocks: [2, 4], change: { kind: "cut", part: "shortcut" } },
    { step: 8, side: "a", blocks: [0, 0], change: { kind: "cut", part: "branch" } },
    { step: 10, side: "both", blocks: null, change: { kind: "rate", value: 0.02 } },
    { step: 12, side: "both", blocks: [0, 8], change: { kind: "cut", part: "none" } },
  ],
};

/** A training of so many steps, with every reading between all of them. */
async function withReadings(run: Run, side: Name, steps: number): Promise<{ bits: string; told: ToPage[] }> {
  const training = new Training({ run, side, ...(await digits()) });
  const told: ToPage[] = [];
  const glances = new Glances(training, (message) => told.push(message));
  glances.watch({ ratios: true, shares: true, block: 4, digit: 3 });
  await training.train(
    async (step) => {
      while (await glances.look(true));
      training.certificate();
      return step < steps;
    },
    () => {},
    () => {},
  );
  return { bits: training.bits().fingerprint, told };
}

describe("a training of the page", () => {
  test("has the bits of fit, with changes and all readings between its steps", async () => {
    const { bits, told } = await withReadings(RUN, "a", 20);
    expect(bits).toBe(await byFit(RUN, "a", 20));
    const types = new Set(told.map(({ type }) => type));
    expect([...types].sort()).toEqual(["block", "shares", "tested"]);
  });

  test("has the bits of fit where the network draws random numbers", async () => {
    const run = { ...RUN, a: { ...RUN.a, shortcut: "dropout" } } as const;
    const { bits, told } = await withReadings(run, "a", 15);
    expect(bits).toBe(await byFit(run, "a", 15));
    expect(told.some(({ type }) => type === "shares")).toBe(false);
  });

  test("changes do something: without them the bits are others", async () => {
    expect(await byFit(RUN, "a", 14)).not.toBe(await byFit({ ...RUN, events: [] }, "a", 14));
  });
});
