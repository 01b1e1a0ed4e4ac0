/** Threads that come and go leave nothing behind, in a process of their own. */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { runProgram } from "../support/process.ts";

/** The process's threads are counted where the system lists them. */
it.skipIf(!existsSync("/proc/self/task"))(
  "100 starts and stops: no more threads of the system, and no more memory, than after 20",
  async () => {
    const program = `
      import { readdirSync } from "node:fs";
      import { matmul, noGrad, randn, Rng, useThreads } from "./src/index.ts";
      const x = randn([256, 256], new Rng(1));
      const seen = [];
      for (let i = 1; i <= 100; i++) {
        await useThreads(3);
        noGrad(() => matmul(x, x));
        const during = readdirSync("/proc/self/task").length;
        await useThreads(1);
        if (i % 20 !== 0) continue;
        globalThis.gc();
        const tasks = readdirSync("/proc/self/task").length;
        seen.push({ during, tasks, megabytes: process.memoryUsage().rss / 2 ** 20 });
      }
      console.log(JSON.stringify(seen));`;
    const seen = (await runProgram(program)) as { during: number; tasks: number; megabytes: number }[];
    expect(seen).toHaveLength(5);
    for (const { during, tasks, megabytes } of seen) {
      expect(during - tasks).toBe(2);
      expect(tasks).toBe(seen[0].tasks);
      // 95 to 115 as measured; the memory of each team, once touched, is some 10.
      expect(megabytes).toBeLessThan(1.5 * seen[0].megabytes);
    }
  },
);
