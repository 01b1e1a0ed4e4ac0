/**
 * `npm run site -- --bench`: how fast the built page trains, draws, answers and comes, in the browsers that are installed. Nothing
 * is asserted. Speeds are compared with Node's in rounds that alternate, since a machine's speed drifts.
 */
import { cpus } from "node:os";
import { dist } from "../build/places.ts";
import { serve } from "../build/serve.ts";
import { type Browser, launch, type Page } from "./browser.ts";
import { CLOCKS } from "./in-page.ts";
import { type Heaps, heapsOf } from "./memory.ts";
import { type NodePair, nodePair } from "./node-pair.ts";
import { countBytes, type Sent } from "./wire.ts";

/** Rounds of either, and milliseconds of each. */
const ROUNDS = 5;
const ROUND = 5000;

/** Keys that are pressed for the latency. */
const PRESSES = 24;

/** What was measured in one browser. */
interface Measured {
  readonly name: string;
  readonly sent: Sent;
  readonly first: number;
  readonly second: number;
  readonly page: readonly number[];
  readonly node: readonly number[];
  readonly frames: { readonly fps: number; readonly p95: number; readonly work: number };
  readonly reactions: readonly number[];
  readonly heaps: readonly Heaps[];
}

/** Measures all browsers for `minutes` each, beside the rounds; returns a table in Markdown. */
export async function benchPage(minutes: number, report: (text: string) => void): Promise<string> {
  const pair = await nodePair();
  const measured: Measured[] = [];
  try {
    for (const kind of ["chrome", "firefox"] as const) {
      const browser = await launch(kind);
      if (!browser) {
        report(`${kind}: not installed`);
        continue;
      }
      try {
        measured.push(await measure(browser, kind === "chrome", pair, minutes, report));
      } finally {
        await browser.close();
      }
    }
  } finally {
    await pair.end();
  }
  if (measured.length === 0) throw new Error("no browser is installed: Chromium or Firefox");
  return table(measured);
}

async function measure(
  browser: Browser,
  isChromium: boolean,
  pair: NodePair,
  minutes: number,
  report: (text: string) => void,
): Promise<Measured> {
  const name = await browser.version();
  report(`${name}: loading …`);
  const { server, address } = await serve(dist);
  const counted = countBytes(server);
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    await page.evaluateOnNewDocument(CLOCKS);
    await page.goto(address, { waitUntil: "domcontentloaded" });
    await page.waitForFunction("globalThis.skipstoneBench?.second !== null", { timeout: 60_000 });
    const { first, second } = (await page.evaluate("skipstoneBench")) as { first: number; second: number };
    const sent = { ...counted };
    await page.waitForFunction("skipstoneLab.step > 100", { timeout: 120_000 });
    const { inPage, inNode } = await alternate(page, pair, report);
    await page.evaluate("document.querySelector('.lab button.pause').click()");
    await wait(3000);
    const reactions = await latencies(page);
    const heaps: Heaps[] = [];
    const sample = async (): Promise<void> => {
      if (isChromium) heaps.push(await heapsOf(page));
    };
    await sample();
    for (let minute = 1; minute <= minutes; minute++) {
      await wait(60_000);
      await sample();
      report(`${name}: minute ${minute}, step ${await page.evaluate("skipstoneLab.step")}`);
    }
    const frames = (await page.evaluate(
      "(({ fps, p95, work }) => ({ fps, p95, work }))(skipstoneLab)",
    )) as Measured["frames"];
    return { name, sent, first, second, page: inPage, node: inNode, frames, reactions, heaps };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The page and Node take turns, in the other order in every other round. Leaves the page paused. */
async function alternate(
  page: Page,
  pair: NodePair,
  report: (text: string) => void,
): Promise<{ inPage: number[]; inNode: number[] }> {
  const [inPage, inNode]: [number[], number[]] = [[], []];
  const toggle = (): Promise<unknown> => page.evaluate("document.querySelector('.lab button.pause').click()");
  const step = async (): Promise<number> => (await page.evaluate("skipstoneLab.step")) as number;
  await toggle();
  // The readings of the step at which it stands.
  await wait(2000);
  // The first steps of Node are those in which its code gets warm; the page has made its own.
  await pair.train(ROUND);
  const ofPage = async (): Promise<void> => {
    await toggle();
    const [from, since] = [await step(), performance.now()];
    await wait(ROUND);
    inPage.push((1000 * ((await step()) - from)) / (performance.now() - since));
    await toggle();
    await wait(1500);
  };
  const ofNode = async (): Promise<void> => void inNode.push(await pair.train(ROUND));
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of round % 2 === 0 ? [ofPage, ofNode] : [ofNode, ofPage]) await one();
    report(
      `round ${round + 1}: ${inPage.at(-1)!.toFixed(1)} steps/s in the page, ${inNode.at(-1)!.toFixed(1)} in Node`,
    );
  }
  return { inPage, inNode };
}

/** Keys in the upper diagram, while both networks train: each chooses another block. */
async function latencies(page: Page): Promise<number[]> {
  const list = ".lab [role=listbox]";
  await page.evaluate(`skipstoneBench.watch("${list}"); document.querySelector("${list}").focus()`);
  await wait(500);
  await page.evaluate("skipstoneBench.reactions.length = 0");
  for (let press = 0; press < PRESSES; press++) {
    await page.keyboard.press(press % 12 < 6 ? "ArrowRight" : "ArrowLeft");
    // No multiple of anything that the page does at intervals.
    await wait(330 + 17 * (press % 7));
  }
  return (await page.evaluate("skipstoneBench.reactions")) as number[];
}

function table(all: readonly Measured[]): string {
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`;
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const rows: (readonly [string, (measured: Measured) => string])[] = [
    ["steps/s of the pair in the page, median", ({ page }) => median(page).toFixed(1)],
    ["steps/s of the same pair in Node, in turn, median", ({ node }) => median(node).toFixed(1)],
    ["page / Node, median of the rounds", ({ page, node }) => median(page.map((v, i) => v / node[i]!)).toFixed(2)],
    ["frames a second while training", ({ frames }) => frames.fps.toFixed(0)],
    ["time between frames, 95th percentile", ({ frames }) => ms(frames.p95)],
    ["the page's own work in a frame, 95th percentile", ({ frames }) => `${frames.work.toFixed(1)} ms`],
    ["from a key to the page's reaction, median", ({ reactions }) => ms(median(reactions))],
    ["from a key to the page's reaction, 95th percentile", ({ reactions }) => ms(percentile(reactions, 0.95))],
    ["from navigation to the first step", ({ first }) => ms(first)],
    ["from navigation to the second: the curve moves", ({ second }) => ms(second)],
    ["front page over the wire", ({ sent }) => kib(sent.total)],
    ["of this, script, gzipped", ({ sent }) => kib(sent.script)],
    ["of this, images to train on", ({ sent }) => kib(sent.data)],
    ["memory of the page after collection, per minute", ({ heaps }) => heaps.map(({ page }) => mb(page)).join(", ")],
    ["memory of both workers, per minute", ({ heaps }) => heaps.map(({ workers }) => mb(workers)).join(", ")],
  ];
  const lines = [
    `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} threads, Node ${process.versions.node}`,
    "",
    `| | ${all.map(({ name }) => name).join(" | ")} |`,
    `| --- | ${all.map(() => "---:").join(" | ")} |`,
    ...rows.map(([title, cell]) => `| ${title} | ${all.map((measured) => cell(measured) || "–").join(" | ")} |`),
  ];
  return lines.join("\n");
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

const median = (values: readonly number[]): number => percentile(values, 0.5);

/** NaN of none. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
