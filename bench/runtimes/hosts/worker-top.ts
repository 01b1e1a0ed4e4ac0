/**
 * Like worker.ts, but the whole program runs once at top level, so that every kernel that requests need is compiled.
 */
import { program, reportOf } from "../program.ts";
import { answer, type Handler } from "../worker.ts";

// The clock stands still at top level too; this one advances whenever it is read.
let time = 0;
reportOf(
  program(() => {
    time += 1000;
    return time;
  }),
);

const worker: Handler = { fetch: answer };
export default worker;
