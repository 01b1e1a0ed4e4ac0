import { expect, onTestFinished, test, vi } from "vitest";
import { createProgress, Estimate } from "../../../lab/runner/progress.ts";

test("time left: by cost, running tasks included", () => {
  let now = 100;
  const estimate = new Estimate({ tasks: 3, cost: 10, workers: 2 }, () => now);
  expect(estimate.fraction).toBe(0);
  expect(`${estimate}`).toBe("");
  estimate.start(0, 6);
  estimate.start(1, 2);
  now = 110;
  estimate.advance(0, 0.5);
  estimate.advance(1, 0.5);
  expect(estimate.fraction).toBeCloseTo(0.4);
  // 4 of 10 took 10 seconds.
  expect(estimate.secondsLeft).toBeCloseTo(15);
  expect(`${estimate}`).toBe("15 s left");
  estimate.done(1, 2);
  expect(estimate.fraction).toBeCloseTo(0.5);
  estimate.done(0, 6);
  estimate.start(1, 2);
  estimate.done(1, 2);
  expect(estimate.fraction).toBe(1);
  expect(estimate.secondsLeft).toBe(0);
});

test("where the output is no terminal: how a training stands, every few seconds, later more seldom", () => {
  const clock = vi.spyOn(performance, "now");
  const at = (seconds: number): unknown => clock.mockReturnValue(1000 * seconds);
  onTestFinished(() => clock.mockRestore());
  let text = "";
  const output = { isTTY: false, write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
  at(0);
  const progress = createProgress({ tasks: 1, cost: 1, workers: 1 }, output);
  progress.start(0, "plain-8, seed 1", 1);
  const printed = Array.from({ length: 200 }, (_, second) => {
    at(second);
    const before = text;
    progress.advance(0, second / 200, { loss: 0.1234, accuracy: 0.971 });
    return text === before ? [] : [second];
  }).flat();
  expect(text).toMatch(/^ +2 % {2}plain-8, seed 1 +loss {2}0.123 {2}accuracy 97.1 % {2}3 min 16 s left\n/);
  expect(printed.slice(0, 4)).toEqual([4, 8, 12, 16]);
  expect(printed.at(-1)! - printed.at(-2)!).toBeGreaterThan(15);
});

test("where the output is no terminal: a line per finished task", () => {
  let text = "";
  const output = { isTTY: false, write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
  const progress = createProgress({ tasks: 2, cost: 2, workers: 1 }, output);
  progress.start(0, "plain-8, seed 1", 1);
  progress.advance(0, 0.5);
  expect(text).toBe("");
  progress.done(0, "plain-8, seed 1", 1, 75);
  progress.say("A word.");
  progress.end();
  expect(text).toMatch(/^ +1\/2 {2}plain-8, seed 1 +1 min 15 s .*\nA word\.\n$/);
});
