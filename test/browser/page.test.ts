/** The library in a real browser: the same training run gives the same bits as in Node. */
import { describe, expect, test } from "vitest";
import { bundle, findBrowser, visit } from "./browser.ts";
import { describeTraining, train } from "./training.ts";

const browser = findBrowser();
const page = (script: string): string =>
  `<!doctype html><html><head><meta charset="utf-8"></head><body>${script}</body></html>`;
const serve =
  (script: string) =>
  (path: string): string | undefined =>
    ({ "/": page('<script type="module" src="/page.js"></script>'), "/page.js": script })[path];

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  test("a residual network trains in a page: the loss falls, and equals Node's bit for bit", async () => {
    const here = train();
    expect(here.losses.at(-1)).toBeLessThan(0.5 * here.losses[0]);

    const script = await bundle("test/browser/page.ts");
    const { body } = await visit(browser!, serve(script));
    expect(JSON.parse(body.dataset["losses"]!)).toEqual(here.losses);
    expect(body.dataset["fingerprint"]).toBe(here.fingerprint);
    expect(body.textContent).toContain(describeTraining(here));
  });

  test("under a policy that forbids eval and WebAssembly it trains all the same", async () => {
    const script = await bundle("test/browser/page.ts");
    const policy = { "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline'" };
    const { body } = await visit(browser!, serve(script), { headers: policy });
    expect(body.dataset["fingerprint"]).toBe(train().fingerprint);
  });

  test("the tester itself: a page that throws, and one that loads what is not there, fail with the reason", async () => {
    const thrown = page('<script type="module">throw new Error("on purpose")</script>');
    await expect(visit(browser!, () => thrown)).rejects.toThrow("on purpose");
    const missing = page('<script type="module" src="/missing.js"></script>');
    await expect(visit(browser!, (path) => (path === "/" ? missing : undefined))).rejects.toThrow("did not load");
  });
});
