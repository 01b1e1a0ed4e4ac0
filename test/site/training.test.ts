import { describe, expect, test, vi } from "vitest";
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

  test("readings have turns: while it goes, the chosen block's lesion does not wait for ever", async () => {
    const training = new Training({ run: { ...RUN, depth: 8, events: [] }, side: "a", ...(await digits()) });
    const told: ToPage[] = [];
    // A clock that says of every reading that it took 40 ms, and of every step 200.
    let time = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => {
      time += 40;
      return time;
    });
    try {
      const glances = new Glances(training, (message) => told.push(message));
      glances.watch({ ratios: false, shares: true, block: 1, digit: 0 });
      let read = 0;
      for (training.step = 1; training.step < 150; training.step++) {
        time += 200;
        if (await glances.look(false)) read++;
      }
      const blocks = told.flatMap((message) => (message.type === "block" ? [message.block] : []));
      expect(blocks.some(({ lesion }) => lesion !== null)).toBe(true);
      expect(new Set(told.map(({ type }) => type))).toEqual(new Set(["tested", "shares", "block"]));
      // A tenth of the time, and what may be saved up at the beginning.
      expect(40 * read).toBeLessThanOrEqual(0.1 * time + 300 + 40 * 3);
    } finally {
      clock.mockRestore();
    }
  });

  test("changes do something: without them the bits are others", async () => {
    expect(await byFit(RUN, "a", 14)).not.toBe(await byFit({ ...RUN, events: [] }, "a", 14));
  });
});
