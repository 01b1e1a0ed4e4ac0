/**
 * A training that survives the page: after each tenth step a checkpoint goes into the origin's private file system. Reload or
 * close the page whenever you like: it goes on from the last checkpoint, and ends with the same weights, to the bit.
 * (With `#reloads=10` in the address it reloads itself ten times, at random moments.)
 */
/// <reference lib="dom" />
import { type Checkpoint, cifarResNet, fit, Rng, readCheckpoint, SGD, writeCheckpoint } from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES } from "../shapes.ts";

const STEPS = 120;
const FILE = "skipstone-example.safetensors";

const folder = await navigator.storage.getDirectory();

/** The browser writes beside the file, and puts the new one in its place when it is closed: half a file is never seen. */
async function save(checkpoint: Checkpoint): Promise<void> {
  const file = await folder.getFileHandle(FILE, { create: true });
  const writable = await file.createWritable();
  await writable.write(writeCheckpoint(checkpoint) as Uint8Array<ArrayBuffer>);
  await writable.close();
}

async function load(): Promise<Checkpoint | null> {
  try {
    const file = await (await folder.getFileHandle(FILE)).getFile();
    return file.size > 0 ? readCheckpoint(await file.arrayBuffer()) : null;
  } catch (error) {
    if ((error as Error).name === "NotFoundError") return null;
    throw error;
  }
}

const status = document.querySelector("#status")!;
document.querySelector("#again")!.addEventListener("click", async () => {
  if (await load()) await folder.removeEntry(FILE);
  location.reload();
});
const lives = Number(sessionStorage.getItem("lives") ?? 0) + 1;
sessionStorage.setItem("lives", `${lives}`);
const reloads = Number(/reloads=(\d+)/.exec(location.hash)?.[1] ?? 0);
if (lives <= reloads) setTimeout(() => location.reload(), 150 + 500 * Math.random());

const rng = new Rng(7);
const data = new Rng(8);
const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
const resume = await load();
let first = true;
await fit(model, {
  data: () => endlessShapes(16, data),
  generators: { data },
  optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
  steps: STEPS,
  resume,
  onStep: async ({ step, loss, checkpoint }) => {
    if (first) document.querySelector("#start")!.textContent = `This page went on at step ${step + 1}.`;
    first = false;
    status.textContent = `Step ${step + 1} of ${STEPS}, loss ${loss.toFixed(3)}`;
    if (step % 10 === 9) await save(checkpoint());
    await new Promise(requestAnimationFrame);
  },
});
if (first) status.textContent = `All ${STEPS} steps were done before this page was opened.`;

const sums = Object.values(model.stateDict()).map((t) => t.data.reduce((sum, v, i) => sum + v * Math.cos(i), 0));
document.querySelector("#weights")!.textContent = `Weights: ${sums.reduce((sum, v) => sum + v, 0)}`;
document.body.dataset["lives"] = `${lives}`;
if (lives > reloads) document.body.dataset["state"] = "done";
