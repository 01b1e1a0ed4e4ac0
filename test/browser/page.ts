/**
 * The page's program: trains on the tier that `<body data-tier>` names, and writes what came out into the document.
 * Bundled by page.test.ts.
 */
import type { Tier } from "../../src/index.ts";
import { describeTraining, train } from "./training.ts";

declare const document: { body: { textContent: string; dataset: Record<string, string> } };
declare const console: { warn: (message: string) => void };

const { body } = document;
const warnings: string[] = [];
console.warn = (message) => warnings.push(message);

const trainings = [1, 2].map(() => train(body.dataset["tier"] as Tier));
body.textContent = describeTraining(trainings[0]);
body.dataset["trainings"] = JSON.stringify(trainings);
body.dataset["warnings"] = JSON.stringify(warnings);
body.dataset["state"] = "done";
