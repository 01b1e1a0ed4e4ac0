/** --key, --prefix, --rename and --skip-unknown: weights of other people on the command line. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encode as encodePng } from "fast-png";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { addModelCommands } from "../../../lab/models/commands.ts";
import { parseCommandLine } from "../../../lab/runner/command-line.ts";
import { writeSafetensors } from "../../../src/io/index.ts";
import { loadWeightsFile, saveWeightsFile } from "../../../src/node/index.ts";
import { cifarResNet } from "../../../src/resnet/index.ts";
import { Rng } from "../../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-checkpoints-"));
const at = (name: string): string => join(folder, name);
const golden = (name: string): string => fileURLToPath(new URL(`../../golden/pth/${name}`, import.meta.url));
afterAll(() => rmSync(folder, { recursive: true }));

const own = cifarResNet(20, { rng: new Rng(1), classes: 3 }).stateDict();
beforeAll(async () => {
  const theirs = Object.entries(own).map(([name, t]) => [`net.${name.replace(/^fc/, "linear")}`, t] as const);
  await saveWeightsFile(at("theirs.pth"), Object.fromEntries(theirs));
  const odd = Object.entries(own).map(
    ([name, t]) => [name.replace(/^layer(\d)/, (_, s) => `part${s - 1}`), t] as const,
  );
  await saveWeightsFile(at("odd.safetensors"), Object.fromEntries(odd));
  const data = new Uint8Array(32 * 32 * 3).fill(99);
  writeFileSync(at("gray.png"), encodePng({ width: 32, height: 32, channels: 3, depth: 8, data }));
});

let notes = "";
beforeEach(() => {
  notes = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    notes += String(text);
    return true;
  });
  return () => vi.restoreAllMocks();
});

/** What the command line prints. */
async function run(...args: string[]): Promise<string> {
  const request = parseCommandLine(args, "0.0.0", { experiments: [], addCommands: addModelCommands });
  if (request.kind !== "other") throw new Error(`a request of kind ${request.kind}`);
  return (await request.task()).text;
}

const names = async (file: string): Promise<string[]> => Object.keys(await loadWeightsFile(at(file)));

describe("names of other projects", () => {
  it("are found for a network, noted, and written as its own", async () => {
    await run("convert", at("theirs.pth"), at("a.npz"), "--network", "resnet20");
    expect(notes).toMatch(
      /^names of torchvision after "net\.": \d+ of the model's \d+ found, \d+ renamed, such as net\./,
    );
    const state = await loadWeightsFile(at("a.npz"));
    for (const [name, t] of Object.entries(own)) expect(state[name].data, name).toEqual(t.data);
  });

  it("stay without a network; --prefix and --rename change them", async () => {
    await run("convert", at("theirs.pth"), at("b.safetensors"));
    expect((await names("b.safetensors"))[0]).toBe("net.conv1.weight");
    await run("convert", at("theirs.pth"), at("b.safetensors"), "--prefix", "net.", "--rename", "linear.*=fc.*");
    expect((await names("b.safetensors")).sort()).toEqual(Object.keys(own).sort());
    expect(notes).toBe("");
  });

  it("summary, classify and certify read them too", async () => {
    const weights = ["--weights", at("odd.safetensors"), "--rename", "part{s}.*=layer{s+1}.*"];
    expect(await run("summary", "resnet20", ...weights)).toMatch(/^fc +Linear +\[1,3\] +195 /m);
    expect(await run("classify", at("gray.png"), "--network", "resnet20", ...weights)).toMatch(/ % {2}class \d$/m);
    const certified = await run("certify", "resnet20", "--input", "3x8x8", "--out", at("out"), ...weights);
    expect(certified).toContain("certificate.json");
    await expect(run("summary", "resnet20", "--weights", at("odd.safetensors"))).rejects.toThrow(
      /^the weights are not those of resnet20: /,
    );
  });

  it("a rule that is none is refused", async () => {
    await expect(run("convert", at("theirs.pth"), at("c.pth"), "--rename", "fc")).rejects.toThrow(/expected FROM=TO/);
    await expect(run("convert", at("theirs.pth"), at("c.pth"), "--rename", "a.*={n}")).rejects.toThrow(
      /cannot read the weights .*: .*\{n\} is not in the first form/,
    );
    await expect(run("convert", at("theirs.pth"), at("c.pth"), "--rename", "head.*=fc.*")).rejects.toThrow(
      'no tensor\'s name is left for the form "head.*"',
    );
  });
});

describe("files with other things in them", () => {
  it("--skip-unknown leaves Python objects out, and names them; the error names the option", async () => {
    await expect(run("convert", golden("script.pth"), at("d.pth"))).rejects.toThrow(
      /"argparse\.Namespace" may not be loaded: .*--skip-unknown leaves out what else is in the file/,
    );
    await run("convert", golden("script.pth"), at("d.pth"), "--skip-unknown");
    expect(notes).toMatch(/script\.pth: left out what is made of argparse\.Namespace, .* and \d+ more\n$/);
    await run("convert", golden("foreign_types.pth"), at("d.pth"), "--skip-unknown");
    expect(notes).toContain("left out what is no tensor among the weights: scale, fourier, sparse, four\n");
    expect(await names("d.pth")).toContain("1.running_mean");
  });

  it("a file of weights where a network belongs, and a file without any", async () => {
    for (const command of [
      ["summary", "theirs.pth"],
      ["classify", at("gray.png"), "--network", "theirs.pth"],
    ]) {
      await expect(run(...command)).rejects.toThrow(
        "theirs.pth: weights without a network: name the network, and the file with --weights",
      );
    }
    writeFileSync(at("empty.safetensors"), writeSafetensors({}));
    await expect(run("convert", at("empty.safetensors"), at("f.pth"))).rejects.toThrow(/there is no tensor in it$/);
    expect(existsSync(at("f.pth"))).toBe(false);
  });

  it("--key chooses among several state dicts; the error names the option", async () => {
    await expect(run("convert", golden("two_models.pth"), at("e.pth"))).rejects.toThrow(/Choose one with --key$/);
    await run("convert", golden("two_models.pth"), at("e.pth"), "--key", "critic");
    expect(await names("e.pth")).toEqual(["w"]);
  });
});
