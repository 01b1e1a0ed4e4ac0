/** The page's own worker of threads.test.ts. */
import { type Report, run } from "./threads-run.ts";

declare const postMessage: (report: Report) => void;

postMessage(await run());
