/** examples/fine-tune in Node: the losses of the same program in PyTorch, although it is stopped by Ctrl-C and goes on. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
import { expect, it } from "vitest";
import { writeFileWhole } from "../../src/node/index.ts";
import { fineTuneWeights } from "../support/fine-tune-weights.ts";

/** Runs the program, interrupts it after `stopAfter` steps, and returns what it printed. */
async function run(program: string, folder: string, stopAfter?: number): Promise<string[]> {
  const options = ["--out", folder, "--weights", join(folder, "resnet18.pth"), "--steps", "20"];
  const child = spawn(process.execPath, [program, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let steps = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith("step") && ++steps === stopAfter) child.kill("SIGINT");
  }
  return lines;
}

const lossesIn = (lines: readonly string[]): number[] =>
  lines.flatMap((line) => (/loss (\S+)$/.exec(line) ? [Number(/loss (\S+)$/.exec(line)![1])] : []));

it("twenty steps, interrupted and gone on with: PyTorch's losses to 1e-4, and a network that has learned", async () => {
  const { losses } = JSON.parse(readFileSync("test/golden/fine-tune/losses.json", "utf8")) as { losses: number[] };
  const program = resolve("build/fine-tune/main.js");
  const entryPoints = ["examples/fine-tune/main.ts"];
  buildSync({ entryPoints, bundle: true, platform: "node", format: "esm", outfile: program, external: ["sharp"] });
  const folder = mkdtempSync(join(tmpdir(), "fine-tune-"));
  await writeFileWhole(join(folder, "resnet18.pth"), [fineTuneWeights()]);

  const first = await run(program, folder, 6);
  expect(first[0]).toBe("200 pictures of cross, disc, ring, stripes");
  expect(first.at(-1)).toBe("stopped: the same command goes on from here");
  const rest = await run(program, folder);
  const ours = [...lossesIn(first), ...lossesIn(rest)];
  expect(lossesIn(first).length).toBeGreaterThanOrEqual(6);
  expect(ours.length).toBe(20);
  expect(Math.max(...ours.map((loss, i) => Math.abs(loss - losses[i])))).toBeLessThan(1e-4);
  expect(readFileSync(join(folder, "model.onnx")).length).toBeGreaterThan(4e7);
}, 900_000);
