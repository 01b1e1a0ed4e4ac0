/** Weights in a real browser: from fetch, a Blob and an ArrayBuffer, and out again, with the bytes that Node has. */
import { describe, expect, test } from "vitest";
import { cifarResNet, exportOnnx, Rng, writePth, writeSafetensors } from "../../src/index.ts";
import { bundle, findBrowser, visit } from "./browser.ts";
import { checksum, checksumOf } from "./checksum.ts";

const browser = findBrowser();

describe.skipIf(!browser)(`in ${browser ?? "chromium (none found: skipped)"}`, () => {
  test("everything comes in and goes out as in Node; what is not there is said to be so", async () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(3) });
    const state = model.stateDict();
    const files: Record<string, string | Uint8Array> = {
      "/": '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>',
      "/page.js": await bundle("test/browser/weights-page.ts"),
      "/weights.safetensors": writeSafetensors(state),
      "/weights.pth": writePth(state),
    };
    const { body } = await visit(browser!, (path) => files[path]);
    const whole = checksumOf(state);
    const one = checksumOf({ "fc.weight": state["fc.weight"] });
    const ways = (file: string): Record<string, number> => ({
      [`${file} by fetch`]: whole,
      [`${file} as Blob`]: whole,
      [`${file} as ArrayBuffer`]: whole,
      [`${file}, one tensor`]: one,
    });
    expect(JSON.parse(body.dataset["results"]!)).toEqual({
      ...ways("weights.safetensors"),
      ...ways("weights.pth"),
      "safetensors out": checksum(writeSafetensors(state)),
      "pth out": checksum(writePth(state)),
      "onnx out": checksum(exportOnnx(model, { inputShape: [3, 16, 16] })),
    });
    expect(body.dataset["missing"]).toMatch(/^FormatError: http.*nothing\.pth: the server answered with status 404$/);
  });
});
