import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { fromJson, toJson } from "../../../lab/json.ts";
import { summarizeRun } from "../../../lab/page/summary.ts";
import { runFiles, writeRun } from "../../../lab/page/write-run.ts";
import type { RunRecord } from "../../../lab/record.ts";

const record: RunRecord = {
  program: "skipstone",
  command: "npm run lab -- sample --seeds 1",
  experiment: "sample",
  title: "Does <it> work?",
  about: "Tries `it`.",
  papers: "Someone 2020, Fig. 1",
  version: "9.9.9",
  code: "0123456789abcdef",
  otherCode: 0,
  engine: "a test's engine",
  kernels: "auto",
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 75,
  taskSeconds: 140,
  planned: 2,
  preset: "default",
  options: { depths: [8, 14], batchSize: 32 },
  seeds: [1],
  data: {
    directory: null,
    kind: "IDX images",
    size: "half",
    trainImages: 60000,
    testImages: 10000,
    imageShape: [1, 14, 14],
    classes: 10,
    checksum: "ab".repeat(32),
  },
  results: [
    { task: { depth: 8, seed: 1 } as { seed: number }, result: Number.NaN, seconds: 70 },
    { task: { depth: 14, seed: 1 } as { seed: number }, result: 2, seconds: 70 },
  ],
  report: {
    found: "It works in 2 of 3 cases.",
    paper: "Someone found 3 of 3.",
    charts: [
      {
        kind: "lines",
        id: "curve",
        title: "A curve",
        caption: "Look at `y`.",
        x: { label: "step" },
        y: { label: "loss", unit: "nats" },
        panels: [
          {
            title: "",
            series: [
              {
                name: "plain",
                tone: "plain",
                points: [
                  { x: 1, y: 2 },
                  { x: 2, y: 1 },
                ],
              },
            ],
          },
        ],
      },
    ],
    tables: [
      {
        id: "errors",
        title: "Errors",
        caption: "In per cent.",
        columns: [{ label: "net" }, { label: "error", digits: 1 }],
        rows: [["plain", { mean: 8.75, deviation: 0.16, count: 3 }]],
      },
    ],
  },
};

const pageOf = (changes: Partial<RunRecord> = {}): string => runFiles({ ...record, ...changes }).get("sample.html")!;

describe("a run's files", () => {
  const files = runFiles(record);

  test("page, record, and each chart and table by its name", () => {
    expect([...files.keys()]).toEqual(["sample.html", "run.json", "curve.svg", "curve.csv", "errors.csv"]);
    expect(fromJson(files.get("run.json")!)).toEqual(record);
  });

  test("CSV files say what they are of", () => {
    const [about, head, first] = files.get("curve.csv")!.split("\r\n");
    expect(about).toBe('# skipstone 9.9.9, sample, 2026-01-02T03:04:05.000Z, {"depths":[8,14],"batchSize":32}');
    expect(head).toBe("panel,series,x,y,low,high");
    expect(first).toBe(",plain,1,2,,");
    expect(files.get("errors.csv")).toContain("\r\nplain,8.75,0.16\r\n");
  });
});

describe("the page", () => {
  const { document } = new JSDOM(pageOf()).window;
  const text = document.body.textContent!.replaceAll(/\s+/g, " ");

  test("question, paragraph, figures with captions, tables, and how it was made", () => {
    for (const part of [
      "Does <it> work?",
      "Tries it.",
      "It works in 2 of 3 cases.The paper. Someone found 3 of 3.",
      "A curve",
      "Look at y.",
      "8.8 ± 0.2",
      "In per cent.",
      "Batch size32",
      "Depths8,14",
      "60,000 for training",
      "means of 2 × 2 pixels",
      "abababababababab",
      "skipstone 9.9.9, code 0123456789abcdef",
      "1 min 15 s; the sum of the tasks 2 min 20 s",
      "npm run lab -- reproduce with the path",
      "Commandnpm run lab -- sample --seeds 1",
    ]) {
      expect(text).toContain(part);
    }
    expect(document.querySelectorAll("figure svg")).toHaveLength(2);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
  });

  test("what stands out: numbers at the head; verdicts with a mark for each part; long tables unfold", () => {
    const details = {
      id: "parts",
      title: "1 of 2 parts hold",
      caption: "Part by part.",
      columns: [{ label: "part" }, { label: "why" }],
      rows: Array.from({ length: 30 }, (_, i) => [`part ${i}`, "it `does`"]),
    };
    const marks = [
      { part: "one", holds: true, why: "because" },
      { part: "two", holds: false, why: "<no>" },
    ];
    const changed: RunRecord = {
      ...record,
      report: {
        ...record.report,
        headlines: [{ label: "with it", value: "97 %", note: "of all", tone: "residual" }],
        marks: {
          id: "proof",
          title: "Is it so?",
          about: "For `y` it is.",
          verdicts: [{ title: "One", tone: "plain", text: "Partly.", marks, details }],
        },
        tables: [{ ...details, id: "long", title: "A long one", folded: true }],
      },
    };
    const files = runFiles(changed);
    const { document } = new JSDOM(files.get("sample.html")).window;
    expect(document.querySelector(".card.residual")?.textContent).toBe("with it97 %of all");
    const items = [...document.querySelectorAll("#proof .verdict.plain li")];
    expect(items.map(({ textContent, className }) => [textContent, className])).toEqual([
      ["✓ one", "holds"],
      ["✗ two", "fails"],
    ]);
    expect(document.querySelector("#proof details summary")?.textContent).toBe("1 of 2 parts hold");
    expect(document.querySelectorAll("#long details tbody tr")).toHaveLength(30);
    expect(files.get("parts.csv")).toContain("part 29,it `does`");
    const terminal = summarizeRun(changed);
    expect(terminal).toContain("One: Partly.");
    expect(terminal.match(/part \d+/g)).toHaveLength(12);
    expect(terminal).toMatch(/part 0 [\s\S]*part 29 /);
  });

  test("stands alone: no script, nothing fetched; light, dark, narrow and printed", () => {
    const html = pageOf();
    expect(html).not.toMatch(/<script|<link|@import|url\(|src=/);
    for (const part of ["prefers-color-scheme: dark", "max-width: 640px", "@media print", "width=device-width"]) {
      expect(html).toContain(part);
    }
  });

  test("says what makes its numbers less than they seem", () => {
    expect(text).not.toMatch(/quick run|Interrupted|another version/);
    expect(pageOf({ preset: "quick" })).toContain(
      "A quick run: it shows that everything works, but the results mean nothing.",
    );
    expect(pageOf({ planned: 3 })).toContain("Interrupted: 2 of 3 tasks are finished");
    expect(pageOf({ otherCode: 2 })).toContain("2 results come from another version of the code (--redraw).");
  });
});

describe("the index", () => {
  test("lists all runs of the directory, with what was found", () => {
    const out = mkdtempSync(join(tmpdir(), "skipstone-"));
    for (const folder of ["sample", "sample-quick", "damaged", "other"]) mkdirSync(join(out, folder));
    writeFileSync(join(out, "damaged", "run.json"), "{");
    writeRun(record, join(out, "sample"), out);
    const { index } = writeRun({ ...record, preset: "quick" }, join(out, "sample-quick"), out);
    const links = [...new JSDOM(readFileSync(index, "utf8")).window.document.querySelectorAll("h2 a")].map(
      (a) => a.getAttribute("href")!,
    );
    expect(links).toEqual(["sample/sample.html", "sample-quick/sample.html"]);
    const html = readFileSync(index, "utf8");
    expect(html).toContain("It works in 2 of 3 cases.");
    expect(html).toContain("Does &lt;it&gt; work?");
    expect(html.match(/<svg/g)).toHaveLength(2);
    expect(readdirSync(out).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});

describe("a record of another shape", () => {
  const whole = JSON.parse(toJson(record)) as Record<string, unknown>;
  const report = whole.report as Record<string, unknown>;
  const notRecords: [string, unknown][] = [
    ["null", null],
    ["a number", 5],
    ["a list", [whole]],
    ["nothing in it", {}],
    ["nothing but charts", { program: "skipstone", report: { charts: [] } }],
    ["another program's", { ...whole, program: "other" }],
    ...Object.keys(whole).map((key): [string, unknown] => [`without ${key}`, { ...whole, [key]: undefined }]),
    ...Object.keys(whole).map((key): [string, unknown] => [`${key} null`, { ...whole, [key]: null }]),
    ["a result without a task", { ...whole, results: [{ result: 1, seconds: 1 }] }],
    ["a result null", { ...whole, results: [null] }],
    ["charts null", { ...whole, report: { ...report, charts: null } }],
    ["data of text", { ...whole, data: "MNIST" }],
  ];
  const [chart] = report.charts as Record<string, unknown>[];
  const notShown: [string, unknown][] = [
    ["a chart of an unknown kind", { ...whole, report: { ...report, charts: [{ ...chart, kind: "pie" }] } }],
    ["a chart without panels", { ...whole, report: { ...report, charts: [{ ...chart, panels: undefined }] } }],
  ];

  test("is named in a line, and neither ends the run nor stands in the list", () => {
    const out = mkdtempSync(join(tmpdir(), "skipstone-"));
    const write = (name: string, value: unknown): void => {
      mkdirSync(join(out, name));
      writeFileSync(join(out, name, "run.json"), JSON.stringify(value));
    };
    for (const [name, value] of [...notRecords, ...notShown]) write(name, value);
    mkdirSync(join(out, "a directory", "run.json"), { recursive: true });
    const { index, remarks, problem } = writeRun(record, join(out, "sample"), out);
    expect(problem).toBeUndefined();
    const reasons = Object.fromEntries(
      remarks.map((remark) => /leaves out .*\/([^/]+)\/run\.json: (.*)\.$/.exec(remark)!.slice(1)),
    );
    expect(reasons).toEqual({
      ...Object.fromEntries(notRecords.map(([name]) => [name, "it is not the record of a run"])),
      ...Object.fromEntries(notShown.map(([name]) => [name, "this version cannot show it"])),
    });
    const { document } = new JSDOM(readFileSync(index, "utf8")).window;
    expect([...document.querySelectorAll("section")].map(({ id }) => id)).toEqual(["sample"]);
  });
});

test("an index that cannot be written is said, and the run is there", () => {
  const out = mkdtempSync(join(tmpdir(), "skipstone-"));
  mkdirSync(join(out, "index.html"));
  const { page, problem } = writeRun(record, join(out, "sample"), out);
  expect(readFileSync(page, "utf8")).toContain("It works in 2 of 3 cases.");
  expect(problem?.message).toMatch(/^the list of all runs: cannot write .*there is a directory called .*index\.html$/);
});

test("the terminal shows tables, paragraph and caveats", () => {
  const text = summarizeRun({ ...record, planned: 3 });
  for (const part of [
    "Errors",
    "8.8 ± 0.2",
    "It works in 2 of 3 cases. Someone found 3 of 3.",
    "Interrupted: 2 of 3",
    "1 min 15 s",
  ]) {
    expect(text).toContain(part);
  }
});
