import { afterEach, expect, test, vi } from "vitest";
import { createStopFlag, INTERRUPTED, requestStop, stopOnInterrupt, stopRequested } from "../../lab/stop.ts";

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

test("the first interrupt asks, a second one at once is the same wish, a later one quits", () => {
  const stop = vi.fn();
  const leave = vi.fn();
  const exit = vi.spyOn(process, "exit").mockImplementation((() => {}) as never);
  const now = vi.spyOn(performance, "now").mockReturnValue(1000);
  const release = stopOnInterrupt(stop, leave);
  expect(stop).not.toHaveBeenCalled();
  process.emit("SIGINT");
  expect(stop).toHaveBeenCalledTimes(1);
  now.mockReturnValue(1005);
  process.emit("SIGINT");
  expect(stop).toHaveBeenCalledTimes(1);
  expect(leave).not.toHaveBeenCalled();
  expect(exit).not.toHaveBeenCalled();
  now.mockReturnValue(2500);
  process.emit("SIGINT");
  expect(leave).toHaveBeenCalledTimes(1);
  expect(exit).toHaveBeenCalledWith(INTERRUPTED);
  release();
  expect(process.listeners("SIGINT")).toHaveLength(0);
});
