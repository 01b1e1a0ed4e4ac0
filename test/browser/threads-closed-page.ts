/** The page of threads-closed.test.ts: computes on three threads until it is closed. */

import { matmul } from "../../src/autograd/index.ts";
import { noGrad, Rng, randn, useThreads } from "../../src/index.ts";

const { threads } = await useThreads(3);
const x = randn([512, 512], new Rng(1));
for (let step = 0; ; step++) {
  noGrad(() => matmul(x, x));
  if (step === 2) console.log(threads);
  await new Promise((resolve) => setTimeout(resolve));
}
