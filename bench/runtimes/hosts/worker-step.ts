/** As worker.ts, but a whole step of training runs at top level: every kernel that requests will need is compiled there. */
import { useKernels } from "../../../src/index.ts";
import { fusesMultiplyAdd } from "../fused.ts";
import { training } from "../program.ts";
import { answer, type Handler } from "../worker.ts";

useKernels("auto");
training().step();
fusesMultiplyAdd();

const worker: Handler = { fetch: answer };
export default worker;
