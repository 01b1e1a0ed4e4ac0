/** `useThreads` in real browsers: a page that is cross-origin isolated and one that is not, in its own worker, under a strict policy. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { workerProgram } from "../../src/tensor/simd/threads/start.ts";
import { bundle, findBrowser, visit } from "./browser.ts";
import type { Report } from "./threads-run.ts";

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
} as const;

const files: Record<string, string> = {};
beforeAll(async () => {
  files["/page.js"] = await bundle("test/browser/threads-page.ts");
  files["/own.js"] = await bundle("test/browser/threads-worker.ts");
  files["/threads-worker.js"] = workerProgram();
  const call = "counters[mine + 1]++;";
  files["/dying-worker.js"] = workerProgram().replace(call, `${call} if (counters[mine + 1] === 5) for (;;);`);
});

const page = (attributes: string, program = 'import "/page.js"'): string =>
  `<!doctype html><html><head></head><body ${attributes}><script type="module">${program}</script></body></html>`;

/** The JavaScript that the documentation shows. */
const SNIPPETS = Array.from(
  readFileSync("docs/threads.md", "utf8").matchAll(/^```js\n(.*?)^```/gms),
  ([, code]) => code,
);

describe.each(["chromium", "firefox"] as const)("in %s", (kind) => {
  const browser = findBrowser(kind);

  async function open(headers: Readonly<Record<string, string>>, attributes = ""): Promise<Report> {
    const document = await visit(browser!, (path) => (path === "/" ? page(attributes) : files[path]), {
      headers,
      seconds: 150,
    });
    return JSON.parse(document.body.dataset["report"]!) as Report;
  }

  function expectThree({ inUse, fingerprints, computed, warnings }: Report): void {
    expect({ inUse, computed, warnings }).toEqual({ inUse: { threads: 3, why: null }, computed: 2, warnings: [] });
    expect(fingerprints).toEqual(Array.from({ length: 3 }, () => fingerprints[0]));
  }

  function expectOne({ inUse, fingerprints, computed }: Report, why: RegExp): void {
    expect([inUse.threads, computed]).toEqual([1, 0]);
    expect(inUse.why).toMatch(why);
    expect(fingerprints).toEqual(Array.from({ length: 3 }, () => fingerprints[0]));
  }

  test.skipIf(!browser)("an isolated page computes on three threads, with the same bits", async () => {
    expectThree(await open(ISOLATED));
  });

  test.skipIf(!browser)("so does a worker of its own", async () => {
    expectThree(await open(ISOLATED, 'data-where="worker"'));
  });

  test.skipIf(!browser)("a page that is not isolated computes alone; the reason names the headers", async () => {
    const why =
      /^this page is not cross-origin isolated: .* Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp/;
    for (const where of ["", 'data-where="worker"']) {
      const report = await open({}, where);
      expectOne(report, why);
      expect(report.warnings).toEqual([]);
    }
  });

  test.skipIf(!browser)("without headers, by the service worker of docs/threads.md, on three threads", async () => {
    const [worker, script] = ['addEventListener("install"', "if (!crossOriginIsolated"].map(
      (start) => SNIPPETS.find((code) => code.startsWith(start))!,
    );
    const program = `${script}\nif (crossOriginIsolated) await import("/page.js");`;
    const served: Record<string, string> = { ...files, "/": page("", program), "/isolate.js": worker };
    const { body } = await visit(browser!, (path) => served[path], { seconds: 150 });
    expectThree(JSON.parse(body.dataset["report"]!) as Report);
  });

  const strict = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'";

  test.skipIf(!browser)("under a policy without blob: workers, alone, with one warning and what to do", async () => {
    const report = await open({ ...ISOLATED, "content-security-policy": strict });
    expectOne(report, /^2 of 2 workers did not start: .*name the package's file, useThreads\(n, \{ worker: … \}\)$/);
    expect(report.warnings).toEqual([`skipstone: useThreads: ${report.inUse.why}`]);
  });

  test.skipIf(!browser)("under that policy with the file, on three threads", async () => {
    const headers = { ...ISOLATED, "content-security-policy": strict };
    expectThree(await open(headers, 'data-worker="/threads-worker.js"'));
  });

  test.skipIf(!browser)("with a file that is not there, alone, with one warning", async () => {
    const report = await open(ISOLATED, 'data-worker="/nothing.js"');
    expectOne(report, /^2 of 2 workers did not start: \/nothing\.js was not loaded as a worker$/);
    expect(report.warnings).toHaveLength(1);
  });

  test.skipIf(!browser)("a worker that stops in the middle: the right result, after one warning", async () => {
    const { inUse, fingerprints, warnings } = await open(ISOLATED, 'data-worker="/dying-worker.js"');
    expect(inUse).toEqual({ threads: 3, why: null });
    expect(fingerprints).toEqual(Array.from({ length: 3 }, () => fingerprints[0]));
    const warning = "a worker thread stopped in the middle of its work: one thread computes from now on";
    expect(warnings).toEqual([`skipstone: ${warning}`]);
  });
});
