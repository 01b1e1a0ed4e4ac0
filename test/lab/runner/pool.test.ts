import { expect, test, vi } from "vitest";
import { type PoolInput, type PoolListener, runTasks, type TaskThread } from "../../../lab/runner/pool.ts";
import type { FromWorker } from "../../../lab/runner/task-worker.ts";

type Task = { readonly n: number; readonly seed: number };

/** A thread without a thread: `answer` says what comes back for a task, in the next turn of the event loop. */
class FakeThread implements TaskThread {
  readonly #answer: (task: Task) => readonly FromWorker[];
  readonly #listeners = new Map<string, (value: never) => void>();
  terminated = false;

  constructor(answer: (task: Task) => readonly FromWorker[]) {
    this.#answer = answer;
  }

  postMessage({ task }: { task: object }): void {
    setTimeout(() => {
      for (const message of this.#answer(task as Task)) this.#listeners.get("message")?.(message as never);
    });
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners.set(event, listener);
  }

  end(code: number): void {
    this.#listeners.get("exit")?.(code as never);
  }

  terminate(): Promise<void> {
    this.terminated = true;
    this.end(1);
    return Promise.resolve();
  }
}

const done = (result: unknown): FromWorker => ({ kind: "done", result, seconds: 1, early: false });
const tasks: Task[] = [1, 2, 3, 4, 5].map((n) => ({ n, seed: 1 }));

function input(
  answer: (task: Task) => readonly FromWorker[],
  changes: Partial<PoolInput> = {},
): { input: PoolInput; threads: FakeThread[] } {
  const threads: FakeThread[] = [];
  return {
    threads,
    input: {
      tasks,
      label: (task) => `task ${(task as Task).n}`,
      workers: 2,
      createThread: () => {
        const thread = new FakeThread(answer);
        threads.push(thread);
        return thread;
      },
      signal: new AbortController().signal,
      ...changes,
    },
  };
}

function listener(): PoolListener & { done: number[] } {
  const results: number[] = [];
  return {
    onStart: vi.fn(),
    onProgress: vi.fn(),
    onResumed: vi.fn(),
    onRemark: vi.fn(),
    onDone: (_, { result }) => results.push(result as number),
    onIdle: vi.fn(),
    done: results,
  };
}

test("every task once, first come first, in as many threads as asked for and needed", async () => {
  const heard = listener();
  const { input: two, threads } = input(({ n }) => [
    { kind: "progress", fraction: 0.5, standing: undefined },
    done(n * n),
  ]);
  await runTasks(two, heard);
  expect(heard.done).toEqual([1, 4, 9, 16, 25]);
  expect(threads).toHaveLength(2);
  expect(threads.every(({ terminated }) => terminated)).toBe(true);
  expect(heard.onProgress).toHaveBeenCalledTimes(5);
  expect(heard.onIdle).toHaveBeenCalledTimes(2);
  const many = input(({ n }) => [done(n)], { workers: 100 });
  await runTasks(many.input, listener());
  expect(many.threads).toHaveLength(5);
});

test("no tasks: no thread", async () => {
  const { input: none, threads } = input(() => [], { tasks: [] });
  await runTasks(none, listener());
  expect(threads).toHaveLength(0);
});

test("a task that fails ends the others and is named", async () => {
  const heard = listener();
  const { input: failing, threads } = input(({ n }) =>
    n === 3 ? [{ kind: "failed", message: "no more memory" }] : n === 4 ? [] : [done(n)],
  );
  await expect(runTasks(failing, heard)).rejects.toThrow("task 3, seed 1: no more memory");
  expect(heard.done).toEqual([1, 2]);
  expect(threads.every(({ terminated }) => terminated)).toBe(true);
});

test("a thread that ends by itself is named with what it was doing", async () => {
  const { input: dying, threads } = input(({ n }) => {
    if (n === 2) threads[1].end(7);
    return [];
  });
  await expect(runTasks(dying, listener())).rejects.toThrow("task 2, seed 1: its thread ended early (exit code 7)");
});

test("a result that cannot be kept ends everything", async () => {
  const { input: fine } = input(({ n }) => [done(n)]);
  const full = { ...listener(), onDone: () => expect.fail("disk full") };
  await expect(runTasks(fine, full)).rejects.toThrow("disk full");
});

test("the signal ends all threads at once; what was running is dropped, also where its result still arrives", async () => {
  const abort = new AbortController();
  const heard = listener();
  const { input: stopped, threads } = input(
    ({ n }) => {
      if (n === 3) abort.abort();
      return [done(n)];
    },
    { signal: abort.signal },
  );
  await runTasks(stopped, heard);
  expect(heard.done).toEqual([1, 2]);
  expect(threads.every(({ terminated }) => terminated)).toBe(true);
});

test("where tasks can end early they are waited for, and their results marked; no other is started", async () => {
  const abort = new AbortController();
  const early: [unknown, boolean][] = [];
  const { input: stopped, threads } = input(
    ({ n }) => {
      if (n === 2) abort.abort();
      return [{ ...done(n), early: abort.signal.aborted } as FromWorker];
    },
    { signal: abort.signal, endsEarly: true },
  );
  await runTasks(stopped, { ...listener(), onDone: (_, { result }, isEarly) => early.push([result, isEarly]) });
  expect(early).toEqual([
    [1, false],
    [2, true],
    [3, true],
  ]);
  expect(threads.every(({ terminated }) => terminated)).toBe(true);
});
