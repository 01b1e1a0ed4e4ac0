/** The page of threads.test.ts: `<body data-where="worker">` trains in a worker of the page's own, `data-worker` names the file. */
import { type Report, run } from "./threads-run.ts";

declare const document: { readonly body: { readonly dataset: Record<string, string | undefined> } };
declare const Worker: new (
  url: string,
  options: object,
) => { onmessage: (event: { data: Report }) => void; onerror: (event: { message?: string }) => void };

const { dataset } = document.body;
const inOwnWorker = (): Promise<Report> =>
  new Promise((resolve, reject) => {
    const own = new Worker("/own.js", { type: "module" });
    own.onmessage = ({ data }) => resolve(data);
    own.onerror = ({ message }) => reject(new Error(message ?? "the page's own worker was not loaded"));
  });
const report = dataset["where"] === "worker" ? await inOwnWorker() : await run(dataset["worker"]);
dataset["report"] = JSON.stringify(report);
dataset["state"] = "done";
