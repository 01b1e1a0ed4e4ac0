/** The program in a page. test/browser/browser.ts reads the page's document when it says that it is done. */
import { program, reportOf } from "../program.ts";

declare const document: { body: { dataset: Record<string, string> } };
declare const performance: { now(): number };

const { dataset } = document.body;
dataset["report"] = JSON.stringify(reportOf(program(() => performance.now())));
dataset["state"] = "done";
