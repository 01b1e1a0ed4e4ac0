/**
 * The library in a real browser: where WebAssembly is allowed, where the page's policy forbids it, and that the plain tier
 * gives the bits that it gives in Node. (The SIMD tier gives the same bits wherever the same instructions are to be had:
 * a browser with a fused multiply-add rounds differently from a Node without.)
 */
import { describe, expect, test } from "vitest";
import type { Tier } from "../../src/index.ts";
import { bundle, findBrowser, visit } from "./browser.ts";
import { describeTraining, type Training, train } from "./training.ts";

const browser = findBrowser();
const page = (script: string, tier: Tier = "auto"): string =>
  `<!doctype html><html><head><meta charset="utf-8"></head><body data-tier="${tier}">${script}</body></html>`;

interface Outcome {
  readonly text: string;
  /** Twice the same training. */
  readonly trainings: readonly Training[];
  readonly warnings: readonly string[];
}

/** Trains in a page on that tier, under that Content-Security-Policy. */
async function trainInPage(tier: Tier, policy?: string): Promise<Outcome> {
  const script = await bundle("test/browser/page.ts");
  const files: Record<string, string> = {
    "/": page('<script type="module" src="/page.js"></script>', tier),
    "/page.js": script,
  };
  const headers = policy ? { "content-security-policy": policy } : {};
  const { body } = await visit(browser!, (path) => files[path], { headers });
  const read = (name: string): unknown => JSON.parse(body.dataset[name]!);
  return {
    text: body.textContent!,
    trainings: read("trainings") as Training[],
    warnings: read("warnings") as string[],
  };
}

/** The losses of one training on two tiers: 10⁻⁷ apart as measured, which 10⁻⁵ leaves room for on other processors. */
function expectSameLosses(got: readonly number[], expected: readonly number[]): void {
  expect(got.length).toBe(expected.length);
  got.forEach((loss, i) => {
    expect(Math.abs(loss - expected[i])).toBeLessThan(1e-5 * expected[0]);
  });
}

test("the two tiers train alike in Node", () => {
  expectSameLosses(train("simd").losses, train("plain").losses);
});

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  test("a residual network trains in a page: the loss falls, and equals Node's bit for bit", async () => {
    const here = train("plain");
    expect(here.losses.at(-1)).toBeLessThan(0.5 * here.losses[0]);
    const { text, trainings, warnings } = await trainInPage("plain");
    expect(trainings).toEqual([here, here]);
    expect(text).toContain(describeTraining(here));
    expect(warnings).toEqual([]);
  });

  test("by itself a page computes with SIMD, gives the same bits each time, and Node's losses within rounding", async () => {
    const { trainings, warnings } = await trainInPage("auto");
    expect(trainings[0].tier).toBe("simd");
    expect(trainings[1]).toEqual(trainings[0]);
    expectSameLosses(trainings[0].losses, train("plain").losses);
    expect(warnings).toEqual([]);
  });

  test("under a strict policy that allows WebAssembly ('wasm-unsafe-eval') too", async () => {
    const { trainings, warnings } = await trainInPage(
      "auto",
      "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
    );
    expect(trainings[0].tier).toBe("simd");
    expect(warnings).toEqual([]);
  });

  test("under a policy that forbids eval and WebAssembly the plain tier takes over, with one warning that says why", async () => {
    const { trainings, warnings } = await trainInPage("auto", "default-src 'self'; script-src 'self' 'unsafe-inline'");
    const plain = train("plain");
    expect(trainings).toEqual([plain, plain]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^skipstone: computing with plain TypeScript kernels, which is slower: .*Content.Security.Policy/,
    );
  });

  test("the tester itself: a page that throws, and one that loads what is not there, fail with the reason", async () => {
    const thrown = page('<script type="module">throw new Error("on purpose")</script>');
    await expect(visit(browser!, () => thrown)).rejects.toThrow("on purpose");
    const missing = page('<script type="module" src="/missing.js"></script>');
    await expect(visit(browser!, (path) => (path === "/" ? missing : undefined))).rejects.toThrow("did not load");
  });
});
