/**
 * `npm run site -- --picture`: the README's moving picture. The built page runs in Chromium, step by step, so that every frame
 * shows all of one step: both diagrams, and the gradient at every layer between them.
 */
import { writeFileSync } from "node:fs";
import sharp from "sharp";
import { type Box, launch, type Page } from "../bench/browser.ts";
import { dist, root } from "./places.ts";
import { serve } from "./serve.ts";

/** Where it is kept. */
const FILE = "docs/images/laboratory.webp";

const WIDTH = 900;

/** The steps that are shown: all of the fall, then ever fewer. */
const STEPS: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 26, 30, 35, 40, 53, 60, 80, 90],
  ...[100, 150, 175, 200, 240, 280, 320, 360, 400],
];

/** Milliseconds for which the frame of a step is shown. */
const delayOf = (step: number): number => (step === 400 ? 3000 : step === 1 ? 900 : step < 10 ? 350 : 220);

/** What is cut out: the cards with their verdicts, and the chart with both diagrams. */
const PARTS = [".lab .cards", ".lab .lab-flow"];

/** Makes the picture and writes it; says how large it is. @throws Error without Chromium. */
export async function makePicture(report: (text: string) => void): Promise<string> {
  const browser = await launch("chrome");
  if (!browser) throw new Error("the picture is made in Chromium, which is not installed");
  const { server, address } = await serve(dist);
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: WIDTH, height: 1400, deviceScaleFactor: 1 });
    await page.goto(`${address}#v1&t=1`, { waitUntil: "load" });
    await page.waitForFunction("globalThis.skipstoneLab?.step === 1 && skipstoneLab.status === 'paused'");
    await page.evaluate(TIDY);
    const frames = await framesOf(page, report);
    const picture = await sharp(frames, { join: { animated: true } })
      .webp({ quality: 40, effort: 6, minSize: true, loop: 0, delay: STEPS.map(delayOf) })
      .toBuffer();
    writeFileSync(`${root}${FILE}`, picture);
    return `${FILE}: ${STEPS.length} frames, ${(picture.length / 1000).toFixed(0)} kB`;
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Nothing in the picture that asks to be pressed, or scrolls; where the controls were, the number of the step. */
const TIDY = `
document.head.append(Object.assign(document.createElement("style"), {
  textContent: \`
    .lab-flow :is(button, select, .row) { visibility: hidden }
    .lab-flow { position: relative }
    .lab-flow .picture-step { position: absolute; right: 0; top: 0; font: 650 24px var(--type); color: var(--ink) }
    html { scrollbar-width: none }\`,
}));
document.querySelector(".lab-flow").append(Object.assign(document.createElement("div"), { className: "picture-step" }));
document.activeElement?.blur();
`;

async function framesOf(page: Page, report: (text: string) => void): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  const clip = (await page.evaluate(boxOf)) as Box;
  let made = 1;
  for (const step of STEPS) {
    for (; made < step; made++) {
      await page.evaluate("document.querySelector('.lab [aria-keyshortcuts=\".\"]').click()");
      await page.waitForFunction(`skipstoneLab.step === ${made + 1}`, { polling: 5 });
    }
    await page.evaluate(`document.querySelector(".picture-step").textContent = "step ${step}"`);
    // The readings of this step are taken once it is seen that the run waits, and words come four times a second.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    frames.push(Buffer.from(await page.screenshot({ clip, type: "png" })));
    if (step % 100 === 0) report(`step ${step}`);
  }
  return frames;
}

/** The box around all parts. */
const boxOf = `(() => {
  const boxes = ${JSON.stringify(PARTS)}.flatMap((part) => [...document.querySelectorAll(part)]).map((e) => e.getBoundingClientRect());
  const top = Math.floor(Math.min(...boxes.map((b) => b.top)) + scrollY) - 8;
  const bottom = Math.ceil(Math.max(...boxes.map((b) => b.bottom)) + scrollY);
  return { x: 0, y: top, width: innerWidth, height: bottom - top };
})()`;
