import { afterEach, expect, test, vi } from "vitest";
import { createStopFlag, createStopper, requestStop, stopRequested } from "../../lab/stop.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("the flag is shared memory", () => {
  const flag = createStopFlag();
  const sameMemory = new Int32Array(flag.buffer);
  expect(stopRequested(sameMemory)).toBe(false);
  requestStop(flag);
  expect(stopRequested(sameMemory)).toBe(true);
});

const signals = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  ["SIGQUIT", 131],
] as const;

test.each(signals)("the first %s asks, a second one at once is the same wish, a later one quits", (name, code) => {
  const exit = vi.spyOn(process, "exit").mockImplementation((() => {}) as never);
  const now = vi.spyOn(performance, "now").mockReturnValue(1000);
  const before = process.listenerCount(name);
  const stopper = createStopper();
  const asked = vi.fn();
  stopper.signal.addEventListener("abort", asked);
  expect(stopper.exitCode).toBe(0);
  process.emit(name, name);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(stopper.exitCode).toBe(code);
  now.mockReturnValue(1005);
  process.emit("SIGTERM", "SIGTERM");
  expect(asked).toHaveBeenCalledTimes(1);
  expect(exit).not.toHaveBeenCalled();
  now.mockReturnValue(2500);
  process.emit(name, name);
  expect(exit).toHaveBeenCalledExactlyOnceWith(code);
  stopper.release();
  expect(process.listenerCount(name)).toBe(before);
});
