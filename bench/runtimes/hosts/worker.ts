/** The program in workerd, as the answer to a request. Nothing of Skipstone runs before the request. */
import { answer, type Handler } from "../worker.ts";

const worker: Handler = { fetch: answer };
export default worker;
