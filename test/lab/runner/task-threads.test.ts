import { expect, test } from "vitest";
import { createShares, TaskThreads } from "../../../lab/runner/task-threads.ts";

/** A platform that has four threads. */
function platform(): { asked: number[]; remarks: string[]; make: (shares: Int32Array, worker: number) => TaskThreads } {
  const asked: number[] = [];
  const remarks: string[] = [];
  const use = async (n: number): Promise<{ threads: number; why: string | null }> => {
    asked.push(n);
    return n > 4 ? { threads: 4, why: "there are four" } : { threads: n, why: null };
  };
  return {
    asked,
    remarks,
    make: (shares, worker) => new TaskThreads(shares, worker, use, (text) => remarks.push(text)),
  };
}

test("a task takes its share once, and more when there is more", async () => {
  const { asked, remarks, make } = platform();
  const shares = createShares([2, 1]);
  const threads = make(shares, 0);
  await threads.take(Infinity);
  await threads.take(Infinity);
  expect(asked).toEqual([2]);
  shares[0] = 3;
  await threads.take(60);
  expect(asked).toEqual([2, 3]);
  expect(remarks).toEqual([]);
});

test("one thread is there already", async () => {
  const { asked, make } = platform();
  await make(createShares([2, 1]), 1).take(Infinity);
  expect(asked).toEqual([]);
});

test("a task that ends soon goes on as it is", async () => {
  const { asked, make } = platform();
  const threads = make(createShares([2]), 0);
  await threads.take(9);
  expect(asked).toEqual([]);
  await threads.take(11);
  expect(asked).toEqual([2]);
});

test("fewer threads than its share: a remark says why, once", async () => {
  const { asked, remarks, make } = platform();
  const threads = make(createShares([6]), 0);
  await threads.take(60);
  await threads.take(60);
  expect(asked).toEqual([6]);
  expect(remarks).toEqual(["runs on 4 of 6 threads: there are four"]);
});
