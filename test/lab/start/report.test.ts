import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JSDOM } from "jsdom";
import { beforeAll, describe, expect, test } from "vitest";
import type { Experiment, NetName, NetRun, RunOptions } from "../../../lab/start/experiment.ts";
import { reportFiles, writeReport } from "../../../lab/start/report.ts";
import { trainNet } from "../../../lab/start/train-net.ts";
import { channelStatistics } from "../../../src/data/index.ts";
import { tinyDataset } from "../tiny-data.ts";

const options: RunOptions = {
  nets: ["residual", "plain"],
  depth: 8,
  width: 2,
  shortcut: "pad",
  order: "pre",
  zeroInit: false,
  steps: 4,
  batchSize: 8,
  learningRate: 0.05,
  schedule: "cosine",
  momentum: 0.9,
  weightDecay: 1e-4,
  augment: "none",
  seed: 3,
  testImages: null,
  kernels: "plain",
};

const [train, testSet] = [tinyDataset(40, 1), tinyDataset(20, 2)];

function run(net: NetName, changed: Partial<RunOptions> = {}, stopAfter = Number.POSITIVE_INFINITY): Promise<NetRun> {
  let steps = 0;
  return trainNet(
    { net, options: { ...options, ...changed }, train, test: testSet, normalization: channelStatistics(train) },
    { onBuilt: () => {}, onStep: () => steps++, onTest: () => {} },
    () => steps >= stopAfter,
  );
}

function experimentOf(runs: readonly NetRun[], changed: Partial<RunOptions> = {}): Experiment {
  return {
    program: "skipstone",
    version: "9.9.9",
    engine: "a test's engine",
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 12,
    interrupted: false,
    options: { ...options, ...changed },
    data: { directory: "d", kind: "IDX images", trainImages: 40, testImages: 20, imageShape: [1, 8, 8], classes: 10 },
    runs,
  };
}

let residual: NetRun;
let plain: NetRun;
let files: Map<string, string>;

beforeAll(async () => {
  residual = await run("residual");
  plain = await run("plain");
  files = reportFiles(experimentOf([residual, plain]));
});

describe("a run", () => {
  test("the twins see the same batches with the same first weights: all that differs is the shortcut", async () => {
    expect(plain.parameters).toBe(residual.parameters);
    const weights = (run: NetRun): number[] => run.first.layers.map(({ weightNorm }) => weightNorm);
    expect(weights(plain)).toEqual(weights(residual));
    expect(await run("residual").then(({ steps }) => steps.map(({ loss }) => loss))).toEqual(
      residual.steps.map(({ loss }) => loss),
    );
  });

  test("twins share their first weights also where the residual net has projections", async () => {
    const projected = await run("residual", { shortcut: "project", steps: 1 });
    const byName = new Map(projected.first.layers.map(({ layer, weightNorm }) => [layer, weightNorm]));
    for (const { layer, weightNorm } of plain.first.layers)
      expect([layer, byName.get(layer)]).toEqual([layer, weightNorm]);
    expect(projected.parameters).toBeGreaterThan(plain.parameters);
  });

  test("the first snapshot is the gradient of the first step: same loss", () => {
    expect(residual.first.loss).toBe(residual.steps[0].loss);
    expect(residual.first.step).toBe(0);
    expect(residual.last.step).toBe(4);
  });

  test("steps, learning rates and test images are counted", () => {
    expect(residual.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(residual.steps[0].learningRate).toBe(0.05);
    expect(residual.steps[3].learningRate).toBeLessThan(0.05);
    expect(residual.test?.images).toBe(20);
    expect(residual.steps.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1]);
  });

  test("shares: some of the residual net's gradient takes the shortcut, none of the plain net's", () => {
    expect(residual.first.blocks).toHaveLength(3);
    for (const { identityShare } of residual.first.blocks) expect(identityShare).toBeGreaterThan(0.05);
    for (const { identityShare } of plain.first.blocks) expect(identityShare).toBe(0);
  });

  test("branches that start at zero carry nothing before the first step, and learn", async () => {
    const zero = await run("residual", { zeroInit: true });
    for (const { identityShare } of zero.first.blocks) expect(identityShare).toBe(1);
    expect(zero.first.layers.find(({ layer }) => layer === "layer1.0.conv1")?.gradientNorm).toBe(0);
    expect(zero.last.blocks.some(({ identityShare }) => identityShare < 1)).toBe(true);
  });

  test("asked to stop, it ends after the current step and is still complete", async () => {
    const stopped = await run("residual", { steps: 1000 }, 2);
    expect(stopped.steps).toHaveLength(2);
    expect(stopped.last.step).toBe(2);
    expect(stopped.test?.images).toBe(20);
  });

  test("it learns the tiny data", async () => {
    const learned = await run("residual", { steps: 60, width: 4, learningRate: 0.1 });
    expect(learned.test?.accuracy).toBeGreaterThan(0.9);
  });
});

describe("the page", () => {
  const page = (): Document => new JSDOM(files.get("gradient-flow.html")).window.document;

  test("stands alone: no script, nothing fetched", () => {
    const html = files.get("gradient-flow.html")!;
    expect(page().querySelectorAll("script, link, img, iframe, object")).toHaveLength(0);
    expect(
      html.replaceAll("http://www.w3.org/2000/svg", "").replaceAll("http://www.w3.org/1999/xlink", ""),
    ).not.toMatch(/https?:|url\(|@import/);
  });

  test("test accuracies are the headlines", () => {
    const cards = [...page().querySelectorAll(".card")].map((card) => card.textContent ?? "");
    expect(cards).toHaveLength(2);
    expect(cards[0]).toContain("ResNet-8");
    expect(cards[0]).toContain(`${(100 * residual.test!.accuracy).toFixed(2)} %`.replace("100.00", "100"));
    expect(cards[1]).toContain("plain-8");
  });

  test("three figures, each wide and narrow, with title, axes, legend and caption", () => {
    const figures = [...page().querySelectorAll("figure")];
    expect(figures.map(({ id }) => id)).toEqual(["loss", "gradient", "share"]);
    for (const figure of figures) {
      expect(figure.querySelector("h2")?.textContent).toBeTruthy();
      expect(figure.querySelector("figcaption")?.textContent?.length).toBeGreaterThan(80);
      expect(figure.querySelectorAll("svg[role=img][aria-label]")).toHaveLength(2);
      for (const svg of figure.querySelectorAll("svg")) {
        expect(svg.textContent).toContain("ResNet-8");
        expect(svg.textContent).toContain("plain-8");
        expect(svg.querySelector("[aria-label='x-axis label']")?.textContent).toBeTruthy();
        expect(svg.querySelector("[aria-label='y-axis label']")?.textContent).toBeTruthy();
      }
    }
  });

  test("a point for every convolution, a curve for every net, a bar for every block, first and last", () => {
    const document = page();
    const wide = (id: string): Element => document.querySelector(`#${id} .wide svg`)!;
    expect(wide("loss").querySelectorAll("[aria-label=line] path")).toHaveLength(4);
    expect(wide("gradient").querySelectorAll("[aria-label=dot] path, [aria-label=dot] circle")).toHaveLength(2 * 2 * 7);
    expect(wide("share").querySelectorAll("[aria-label=dot] path, [aria-label=dot] circle")).toHaveLength(2 * 2 * 3);
  });

  test("the certificate's verdict in words, block by block", () => {
    const verdicts = [...page().querySelectorAll(".verdict")];
    expect(verdicts[0].textContent).toContain(residual.certificate.summary);
    expect(verdicts[1].textContent).toContain(plain.certificate.summary);
    expect(verdicts[0].textContent).toContain("Certified");
    expect(verdicts[0].textContent).toContain("3 of 3 blocks");
    expect(verdicts[1].textContent).toContain("0 of 3 blocks");
    expect(verdicts[0].querySelectorAll("tbody tr")).toHaveLength(3);
    expect(verdicts[0].querySelectorAll(".blocks .holds")).toHaveLength(
      residual.certificate.blocks.filter(({ holds }) => holds).length,
    );
  });

  test("a net with projections: they are named, and what would be without", async () => {
    const projected = await run("residual", { shortcut: "project" });
    const html = reportFiles(experimentOf([projected], { shortcut: "project" })).get("gradient-flow.html");
    const verdict = new JSDOM(html).window.document.querySelector(".verdict")?.textContent;
    expect(verdict).toContain("transform by weights");
    expect(verdict).toContain("--shortcut pad needs no projection");
  });

  test("a net in the first paper's order: the ReLU after each addition is named", async () => {
    const post = await run("residual", { order: "post" });
    const html = reportFiles(experimentOf([post], { order: "post" })).get("gradient-flow.html");
    const verdict = new JSDOM(html).window.document.querySelector(".verdict")?.textContent;
    expect(verdict).toContain("gated by a ReLU's mask after the addition");
    expect(verdict).toContain("--order pre does without it");
  });

  test("options, seed, version, time and engine", () => {
    const facts = page().querySelector("#run")?.textContent ?? "";
    for (const fact of ["Seed3", "9.9.9", "12 s", "a test's engine", "8 layers, 2 channels", "2026-01-02"]) {
      expect(facts).toContain(fact);
    }
  });

  test("text is escaped", () => {
    const html = reportFiles({ ...experimentOf([residual]), engine: "<script>alert(1)</script>" }).get(
      "gradient-flow.html",
    )!;
    expect(html).not.toContain("<script>alert");
    expect(html).toContain("&lt;script&gt;alert");
  });

  test("one net alone, an interrupted run, a run without a test", () => {
    const one = { ...residual, steps: residual.steps.slice(0, 1), test: null };
    const html = reportFiles({ ...experimentOf([one]), interrupted: true }).get("gradient-flow.html")!;
    expect(html).toContain("not tested");
    expect(html).toContain("interrupted");
    expect(html).not.toContain("plain-8");
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("gradients of zero are marked where a log axis has no place for them", async () => {
    const zero = await run("residual", { zeroInit: true });
    const html = reportFiles(experimentOf([zero, plain], { zeroInit: true })).get("gradient-flow.html")!;
    const { document } = new JSDOM(html).window;
    const zeros = zero.first.layers.filter(({ kind, gradientNorm }) => kind === "Conv2d" && gradientNorm === 0);
    const marks = [...document.querySelectorAll("#gradient .wide [aria-label=text] text")].filter(
      ({ textContent }) => textContent === "0",
    );
    expect(zeros.length).toBeGreaterThan(0);
    expect(marks).toHaveLength(zeros.length);
    expect(document.querySelector("#gradient figcaption")?.textContent).toContain("exactly zero");
    expect(html).not.toMatch(/NaN|undefined/);
  });

  test("no number is missing", () => {
    expect(files.get("gradient-flow.html")).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});

describe("the files beside it", () => {
  test("figures stand alone: white ground, colours and fonts inside", () => {
    for (const name of ["loss", "norms", "shares"]) {
      const svg = files.get(`gradient-flow-${name}.svg`)!;
      const { document } = new JSDOM(svg, { contentType: "image/svg+xml" }).window;
      expect(document.documentElement.namespaceURI).toBe("http://www.w3.org/2000/svg");
      expect(document.querySelector("rect")?.getAttribute("fill")).toBe("#ffffff");
      expect(svg).toContain("#0072b2");
      expect(svg).toContain("#d55e00");
      expect(svg).not.toContain("var(--ink)");
      expect(svg).not.toContain("var(--residual)");
    }
  });

  test("the JSON holds the whole experiment", () => {
    expect(JSON.parse(files.get("gradient-flow.json")!)).toEqual(experimentOf([residual, plain]));
  });

  test("a CSV's rows are the experiment's, under a comment with version, seed and options", () => {
    const read = (name: string): Record<string, string>[] => {
      const [about, head, ...lines] = files.get(name)!.trimEnd().split("\r\n");
      expect(about).toMatch(/^# skipstone 9\.9\.9, 2026-01-02T03:04:05\.000Z, \{.*"seed":3.*\}$/);
      const keys = head.split(",");
      return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [keys[i], cell])));
    };
    const loss = read("gradient-flow-loss.csv");
    expect(loss).toHaveLength(8);
    expect(loss.map(({ net, loss }) => [net, Number(loss)])).toEqual(
      [residual, plain].flatMap(({ net, steps }) => steps.map(({ loss }) => [net, loss])),
    );
    const layers = read("gradient-flow-layers.csv");
    expect(
      layers.map(({ net, step, layer, gradientNorm }) => [net, Number(step), layer, Number(gradientNorm)]),
    ).toEqual(
      [residual, plain].flatMap(({ net, first, last }) =>
        [first, last].flatMap(({ step, layers }) =>
          layers.map(({ layer, gradientNorm }) => [net, step, layer, gradientNorm]),
        ),
      ),
    );
    const blocks = read("gradient-flow-blocks.csv");
    expect(blocks.map(({ identityShare }) => Number(identityShare))).toEqual(
      [residual, plain].flatMap(({ first, last }) =>
        [first, last].flatMap(({ blocks }) => blocks.map(({ identityShare }) => identityShare)),
      ),
    );
    expect(files.get("gradient-flow-certificate.csv")).toContain("plain,layer1.0,none,false,");
  });

  test("all files or none, and nothing left beside them", () => {
    const directory = mkdtempSync(join(tmpdir(), "skipstone-"));
    const paths = writeReport(experimentOf([residual, plain]), directory);
    expect(paths[0]).toBe(join(directory, "gradient-flow.html"));
    expect(readdirSync(directory).sort()).toEqual([...files.keys()].sort());
    expect(readFileSync(paths[0], "utf8")).toBe(files.get("gradient-flow.html"));
    writeFileSync(join(directory, "file"), "");
    expect(() => writeReport(experimentOf([residual]), join(directory, "file"))).toThrow("cannot write the results to");
    expect(readdirSync(directory).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});
