/** Checkpoints in a folder: which files stay, what a damaged one does, and a training that is killed forty times. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, it, vi } from "vitest";
import { type Batch, type Checkpoint, cifarResNet, fit, Rng, randn, SGD } from "../../src/index.ts";
import { CheckpointFolder } from "../../src/node/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-checkpoints-"));
afterAll(() => rmSync(folder, { recursive: true }));

const stepOf = (checkpoint: Checkpoint | null): number => JSON.parse(checkpoint!.metadata["training"]).step;

/** Trains for so many steps and gives each checkpoint to `save`. */
async function train(steps: number, save: (checkpoint: Checkpoint, step: number) => Promise<unknown>): Promise<void> {
  const model = cifarResNet(8, { width: 2, classes: 4, rng: new Rng(0) });
  const data = (): Batch[] => [{ x: randn([2, 3, 8, 8], new Rng(1)), labels: [0, 1] }];
  await fit(model, {
    data,
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    steps,
    onStep: async ({ checkpoint, step }) => {
      await save(checkpoint(), step);
    },
  });
}

it("keeps the latest ones, and the best one", async () => {
  const path = join(folder, "deep", "run");
  const checkpoints = new CheckpointFolder(path, { keepLast: 2 });
  expect([await checkpoints.latest(), await checkpoints.best()]).toEqual([null, null]);
  const scores = [0.3, 0.9, 0.5, 0.9, 0.1];
  const written: string[] = [];
  await train(5, async (checkpoint, step) => {
    written.push(await checkpoints.save(checkpoint, { score: scores[step] }));
  });
  expect(written[4]).toBe(join(path, "step-00000005.safetensors"));
  expect(readdirSync(path).sort()).toEqual([
    "best.safetensors",
    "step-00000004.safetensors",
    "step-00000005.safetensors",
  ]);
  expect([stepOf(await checkpoints.latest()), stepOf(await checkpoints.best())]).toEqual([5, 2]);
  // Another object, in a program that goes on, knows the best score too.
  const again = new CheckpointFolder(path);
  await again.save((await again.latest())!, { score: 0.8 });
  expect(stepOf(await again.best())).toBe(2);
  await again.save((await again.latest())!, { score: 0.95 });
  expect(stepOf(await again.best())).toBe(5);
});

it("keeps what it has just written, though there are files of later steps, and says so once", async () => {
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  const path = join(folder, "again");
  await train(6, (checkpoint) => new CheckpointFolder(path, { keepLast: 2 }).save(checkpoint));
  const again = new CheckpointFolder(path, { keepLast: 2 });
  await train(3, (checkpoint) => again.save(checkpoint));
  expect(readdirSync(path).sort()).toEqual([2, 3, 5, 6].map((step) => `step-0000000${step}.safetensors`));
  expect(warned.mock.calls).toEqual([
    [expect.stringMatching(/has checkpoints of later steps than step-00000001\.safetensors, such as step-00000006/)],
  ]);
  warned.mockRestore();
  await expect(again.save({} as Checkpoint)).rejects.toThrow(/CheckpointFolder\.save: checkpoint must be a checkpoint/);
});

it("leaves out a damaged file, with a warning, and takes the one before", async () => {
  const path = join(folder, "damaged");
  const checkpoints = new CheckpointFolder(path);
  await train(3, (checkpoint) => checkpoints.save(checkpoint));
  truncateSync(join(path, "step-00000003.safetensors"), 1000);
  writeFileSync(join(path, "notes.txt"), "not a checkpoint");
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  expect(stepOf(await checkpoints.latest())).toBe(2);
  expect(warned.mock.calls).toEqual([[expect.stringMatching(/step-00000003\.safetensors is left out: /)]]);
  warned.mockRestore();
});

it("refuses what is no folder, no number of files, no score", async () => {
  expect(() => new CheckpointFolder(3 as never)).toThrow(/CheckpointFolder: path must be/);
  expect(() => new CheckpointFolder(folder, { keepLast: 0 })).toThrow(/keepLast/);
  expect(() => new CheckpointFolder(folder, { keep: 1 } as never)).toThrow(/no option "keep"/);
  const checkpoints = new CheckpointFolder(join(folder, "none"));
  await train(1, async (checkpoint) => {
    await expect(checkpoints.save(checkpoint, { score: Number.NaN })).rejects.toThrow(/score must be a finite number/);
  });
  expect(readdirSync(folder)).not.toContain("none");
});

/** A training that saves after each step, says so, and in the end writes its weights. */
const program = `
import { Adam, batches, cifarResNet, fit, Rng, randn, writeSafetensors } from "./src/index.ts";
import { CheckpointFolder, writeFileWhole } from "./src/node/index.ts";
const [path] = process.argv.slice(2);
const images = Float32Array.from(randn([40, 3, 8, 8], new Rng(1)).data);
const labels = Uint8Array.from({ length: 40 }, (_, i) => i % 4);
const set = { name: "noise", images, labels, shape: [40, 3, 8, 8] as const, classes: ["a", "b", "c", "d"] };
const rng = new Rng(2);
const model = cifarResNet(8, { width: 4, classes: 4, shortcut: "dropout", rng });
const folder = new CheckpointFolder(path);
await fit(model, {
  data: () => batches(set, { batchSize: 8, rng }),
  optimizer: new Adam(model.parameters(), { lr: 0.01 }),
  steps: 120,
  resume: await folder.latest(),
  onStep: async ({ checkpoint, step }) => {
    await folder.save(checkpoint());
    process.stdout.write(step + "\\n");
  },
});
await writeFileWhole(path + ".weights", [writeSafetensors(model.stateDict())]);
`;

it("killed at forty random moments, also while it writes, and resumed each time: the bits of one that was left alone", async () => {
  const outfile = join(folder, "train.mjs");
  const stdin = { contents: program, resolveDir: process.cwd(), loader: "ts" } as const;
  await build({ stdin, bundle: true, format: "esm", platform: "node", target: "es2022", outfile });
  let warnings = "";
  const start = (name: string): ChildProcess => {
    const child = spawn(process.execPath, [outfile, join(folder, name)], { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr!.on("data", (text) => {
      warnings += text;
    });
    return child;
  };

  const alone = start("alone");
  await once(alone, "close");

  const rng = new Rng(40);
  let [kills, code] = [0, null as number | null];
  while (code === null) {
    const child = start("killed");
    if (kills < 40) {
      // After the first step of this life, so that each gets a little further.
      await Promise.race([once(child.stdout!, "data"), once(child, "close")]);
      setTimeout(() => child.kill("SIGKILL"), rng.uniform(0, 25));
    }
    [code] = (await once(child, "close")) as [number | null];
    if (code === null) kills++;
  }
  expect(warnings).toBe("");
  expect(code).toBe(0);
  expect(kills).toBe(40);
  expect(readFileSync(join(folder, "killed.weights"))).toEqual(readFileSync(join(folder, "alone.weights")));
  // What killed processes left unfinished has been removed.
  expect(readdirSync(join(folder, "killed")).filter((name) => !name.startsWith("step-"))).toEqual([]);
}, 240_000);
