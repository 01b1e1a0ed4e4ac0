/**
 * Like worker.ts, but one operation runs at top level, where WebAssembly may be compiled, so the SIMD tier is chosen.
 */
import { add, tensor } from "../../../src/index.ts";
import { answer, type Handler } from "../worker.ts";

add(tensor([1, 2, 3]), 1);

const worker: Handler = { fetch: answer };
export default worker;
