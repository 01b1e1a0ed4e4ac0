/** The worker: runs a program's text, whose imports from "skipstone" are this library, and reports the lines it prints. */
/// <reference lib="dom" />
import * as skipstone from "../../src/index.ts"; // In your project: from "skipstone".

/** What the worker says. */
export type Report =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly message: string };

const report = (message: Report): void => postMessage(message);
const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<void>;

addEventListener("message", async ({ data }: MessageEvent<{ source: string; digits: string }>) => {
  const log = (...values: unknown[]): void => report({ kind: "line", text: values.join(" ") });
  const body = data.source
    .replaceAll(/import \{([^}]*)\} from "skipstone";/g, (_, names: string) => {
      return `const {${names.replaceAll(/\s+as\s+/g, ": ")}} = skipstone;`;
    })
    .replaceAll(/import \* as (\w+) from "skipstone";/g, "const $1 = skipstone;");
  try {
    await new AsyncFunction("skipstone", "digits", "console", body)(skipstone, data.digits, { ...console, log });
    report({ kind: "end" });
  } catch (error) {
    report({ kind: "error", message: String(error) });
  }
});
