/** The page's program: trains, and writes what came out into the document. Bundled by page.test.ts. */
import { describeTraining, train } from "./training.ts";

declare const document: { body: { textContent: string; dataset: Record<string, string> } };

const training = train();
document.body.textContent = describeTraining(training);
document.body.dataset["losses"] = JSON.stringify(training.losses);
document.body.dataset["fingerprint"] = training.fingerprint;
document.body.dataset["state"] = "done";
