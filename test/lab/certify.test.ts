/** certify: what it prints and writes, its exit codes, and what it refuses. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JSDOM } from "jsdom";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { addModelCommands } from "../../lab/models/commands.ts";
import type { Answer } from "../../lab/program.ts";
import { parseCommandLine } from "../../lab/runner/command-line.ts";
import { saveWeightsFile } from "../../src/node/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-certify-"));
const at = (...names: string[]): string => join(folder, ...names);
const small = ["--input", "3x8x8", "--batch", "2"];

async function run(...args: string[]): Promise<Answer> {
  const request = parseCommandLine(["certify", ...args], "0.0.0", { experiments: [], addCommands: addModelCommands });
  if (request.kind !== "other") throw new Error(`a request of kind ${request.kind}`);
  return await request.task();
}

beforeAll(async () => {
  // What is said while one waits.
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  await run("resnet20", "--order", "pre", ...small, "--out", at("pre"));
  await saveWeightsFile(at("weights.safetensors"), cifarResNet(20, { rng: new Rng(5), classes: 3 }).stateDict());
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A certificate's file, to be changed. */
interface File {
  network: string;
  seed: number;
  order: string | null;
  certificate: { blocks: { gain: number; open: number; reason: string }[] };
}

/** The certificate of the pre-activation network, changed. */
function changed(name: string, change: (file: File) => void): string {
  const file: File = JSON.parse(readFileSync(at("pre", "certificate.json"), "utf8"));
  change(file);
  writeFileSync(at(name), JSON.stringify(file));
  return at(name);
}

describe("certify NETWORK", () => {
  it("pre-activation: certified, exit code 0; JSON, picture and page", async () => {
    const { text, exitCode } = await run("resnet20", "--order", "pre", ...small, "--out", at("again"));
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^Certified: the gradient passes all 9 blocks/);
    expect(readdirSync(at("again")).sort()).toEqual(["certificate.html", "certificate.json", "certificate.svg"]);
    const page = new JSDOM(readFileSync(at("again", "certificate.html"), "utf8")).window.document;
    expect(page.querySelectorAll(".wide svg.certificate g > rect.frame").length).toBe(9);
    expect(page.querySelectorAll("tbody tr").length).toBe(9);
    new JSDOM(readFileSync(at("again", "certificate.svg"), "utf8"), { contentType: "image/svg+xml" });
  });

  it("the original order: not certified, exit code 1, and the files are there all the same", async () => {
    const { text, exitCode } = await run("resnet20", ...small, "--out", at("post"));
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^Not certified: /);
    expect(existsSync(at("post", "certificate.html"))).toBe(true);
  });

  it("a plain network: exit code 1", async () => {
    const { text, exitCode } = await run("plain20", ...small, "--out", at("plain"));
    expect(text).toMatch(/^Not certified: no skip connection in all 9 blocks/);
    expect(exitCode).toBe(1);
  });

  it("--json prints what it writes", async () => {
    const { text } = await run("resnet20", "--order", "pre", ...small, "--json", "--out", at("json"));
    expect(`${text}\n`).toBe(readFileSync(at("json", "certificate.json"), "utf8"));
    expect(text).toBe(readFileSync(at("pre", "certificate.json"), "utf8").trimEnd());
  });
});

describe("certify --verify FILE", () => {
  it("an honest one is valid, with the network named or not", async () => {
    for (const network of [[], ["resnet20"]]) {
      const { text, exitCode } = await run("--verify", at("pre", "certificate.json"), ...network);
      expect(text).toMatch(/^Valid\. It says: Certified/);
      expect(exitCode).toBe(0);
    }
  });

  it("one that does not hold is valid too", async () => {
    await run("resnet20", ...small, "--mode", "evaluation", "--seed", "7", "--out", at("eval"));
    expect((await run("--verify", at("eval", "certificate.json"))).text).toMatch(/^Valid\. It says: Not certified/);
  });

  const forgeries: [string, (file: File) => void][] = [
    ["another seed", (file) => file.seed++],
    [
      "another gain",
      (file) => {
        file.certificate.blocks[0].gain = 0.5;
      },
    ],
    [
      "another reason",
      (file) => {
        file.certificate.blocks[3].reason = "trust me";
      },
    ],
    [
      "the other order",
      (file) => {
        file.order = null;
      },
    ],
  ];
  it.each(forgeries)("%s: not valid, exit code 1", async (name, change) => {
    const { text, exitCode } = await run("--verify", changed(`${name}.json`, change));
    expect(text).toMatch(/^Not valid\.\nFailures:\n {2}/);
    expect(exitCode).toBe(1);
  });

  it("--json prints valid, failures, unchecked", async () => {
    const { text } = await run("--verify", at("pre", "certificate.json"), "--json");
    expect(JSON.parse(text)).toEqual({ valid: true, failures: [], unchecked: expect.any(Array) });
  });

  it("weights of a file are asked for, and others are found out", async () => {
    const weights = ["--weights", at("weights.safetensors")];
    await run("resnet20", ...weights, ...small, "--out", at("weights"));
    const file = at("weights", "certificate.json");
    await expect(run("--verify", file)).rejects.toThrow(/name it with --weights$/);
    expect((await run("--verify", file, ...weights)).exitCode).toBe(0);
    await saveWeightsFile(at("other.pth"), cifarResNet(20, { rng: new Rng(6), classes: 3 }).stateDict());
    expect((await run("--verify", file, "--weights", at("other.pth"))).exitCode).toBe(1);
  });
});

describe("refuses, in one line, and writes nothing", () => {
  const refused: [string, string[], RegExp][] = [
    ["no network", [], /^certify: name a network, or a file with --verify$/],
    ["a network that there is not", ["resnet19"], /^no network is called "resnet19"; there are /],
    ["an option that the network does not have", ["vgg11", "--order", "pre"], /order/],
    ["images of no size", ["resnet20", "--input", "3x0x8"], /^--input "3x0x8": expected lengths/],
    ["images that would fill the memory", ["resnet20", "--input", "3x60000x60000"], /too many numbers/],
    ["no such weights", ["resnet20", "--weights", "nothing.pth"], /^cannot read the weights nothing\.pth/],
    ["no such file", ["--verify", "nothing.json"], /^cannot read the certificate nothing\.json: no such file/],
    ["a file that is not JSON", ["--verify", "README.md"], /^the certificate README\.md is not JSON: /],
    [
      "a file that is something else",
      ["--verify", "package.json"],
      /^package\.json is not a certificate written by this/,
    ],
  ];
  it.each(refused)("%s", async (_, args, message) => {
    const error: Error = await run(...args, "--out", at("refused")).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.message).toMatch(message);
    expect(existsSync(at("refused")) ? readdirSync(at("refused")) : []).toEqual([]);
  });

  it("a certificate of another network, or with a number out of its range", async () => {
    await expect(run("resnet32", "--verify", at("pre", "certificate.json"))).rejects.toThrow(
      /is about network resnet20, not resnet32$/,
    );
    const file = changed("range.json", ({ certificate }) => {
      certificate.blocks[0].open = 1.56;
    });
    await expect(run("--verify", file)).rejects.toThrow(
      /not a certificate .*certificate\.blocks\.0\.open must be <= 1/,
    );
    const unknown = changed("unknown.json", (content) => {
      content.network = "resnet19";
    });
    await expect(run("--verify", unknown)).rejects.toThrow(/^no network is called "resnet19"/);
  });
});
