/** The files of `profile`: a page with a picture of where the time goes, the picture alone, and JSON. */
import type { KernelRow } from "../../src/tensor/index.ts";
import { figureOf } from "../page/charts/index.ts";
import { definitions, escapeHtml, figureSection, page, table } from "../page/html.ts";
import { renderFigure } from "../page/plot.ts";
import type { CategoryChart } from "../report/chart.ts";
import { grouped, percent, significant } from "../report/format.ts";
import type { ProfileFile } from "./profile.ts";

/** Kernels in the picture; the rest are one row. */
const MOST_KERNELS = 14;

/** By name. */
export function profileFiles(file: ProfileFile): Map<string, string> {
  const chart = chartOf(file.rows);
  const rendered = renderFigure(figureOf(chart));
  const title = `Kernels: ${file.network}`;
  const html = page(
    title,
    `<header>
<p class="eyebrow">Skipstone ${escapeHtml(file.version)} · profile</p>
<h1>${escapeHtml(title)}</h1>
<p class="finding">${escapeHtml(headline(file.rows))}</p>
</header>
${figureSection(chart.id, chart.title, rendered, chart.caption)}
<section><h2>Call by call</h2>
${table(["ms", "%", "Calls", "Kernel", "Tier", "Algorithm", "Lengths of the arrays, or shapes", "Why not SIMD"], rowsOf(file.rows))}
</section>
<section><h2>How it was made</h2>
${definitions([
  ["Network", file.network],
  ["Pass", file.pass === "training" ? "one training step: loss and gradients" : "inference"],
  ["Images", `random, ${file.batch} × ${file.input.join("×")}`],
  ["Engine", file.engine],
])}</section>
<footer><p>Each kernel in its fastest of up to five passes, after two that warm up. Beside this file: the picture as profile.svg, everything as profile.json.</p></footer>`,
  );
  return new Map([
    ["profile.html", html],
    ["profile.svg", rendered.file],
    ["profile.json", `${JSON.stringify(file, null, 1)}\n`],
  ]);
}

const milliseconds = (rows: readonly KernelRow[]): number => rows.reduce((sum, row) => sum + row.milliseconds, 0);

/** How long it took, and what was left to the plain tier. */
export function headline(rows: readonly KernelRow[]): string {
  const total = milliseconds(rows);
  const calls = rows.reduce((sum, row) => sum + row.calls, 0);
  const plain = rows.filter(({ tier }) => tier === "plain");
  const all = `${significant(total)} ms in ${grouped(calls)} calls`;
  if (plain.length === rows.length) return `${all}, all of them by the plain kernels.`;
  const share = percent(total > 0 ? milliseconds(plain) / total : 0, 1);
  return `${all}; the plain kernels computed ${share} of that time.`;
}

function chartOf(rows: readonly KernelRow[]): CategoryChart {
  const groups = new Map<string, { name: string; tier: KernelRow["tier"]; time: number; calls: number }>();
  for (const { kernel, algorithm, tier, milliseconds, calls } of rows) {
    const name = algorithm ? `${kernel}, ${algorithm}` : kernel;
    const key = `${name} ${tier}`;
    const { time, calls: before } = groups.get(key) ?? { time: 0, calls: 0 };
    groups.set(key, { name, tier, time: time + milliseconds, calls: before + calls });
  }
  const sorted = [...groups.values()].sort((a, b) => b.time - a.time);
  const [shown, rest] = [sorted.slice(0, MOST_KERNELS), sorted.slice(MOST_KERNELS)];
  const valuesOf = (wanted: KernelRow["tier"]): CategoryChart["series"][number]["values"] => {
    const others = rest.filter(({ tier }) => tier === wanted);
    const all = shown.filter(({ tier }) => tier === wanted);
    if (others.length > 0) {
      const sum = (key: "time" | "calls"): number => others.reduce((total, other) => total + other[key], 0);
      all.push({ name: `${others.length} other kernels`, tier: wanted, time: sum("time"), calls: sum("calls") });
    }
    return all.map(({ name, time, calls }) => ({
      category: `${name} ×${grouped(calls)}`,
      value: time,
      low: 0,
      high: time,
    }));
  };
  return {
    kind: "categories",
    id: "time",
    title: "Where the time goes",
    caption:
      "Time in each kernel, and how often it is called. A convolution's algorithm stands behind its name. What the plain tier computed is orange: the table says why.",
    x: { label: "time", unit: "ms" },
    series: [
      { name: "SIMD kernels", tone: "green", values: valuesOf("simd") },
      { name: "plain kernels", tone: "orange", values: valuesOf("plain") },
    ],
  };
}

function rowsOf(rows: readonly KernelRow[]): string[][] {
  const total = milliseconds(rows);
  return rows.map((row) => [
    row.milliseconds.toFixed(2),
    (total > 0 ? (100 * row.milliseconds) / total : 0).toFixed(1),
    grouped(row.calls),
    row.kernel,
    row.tier,
    row.algorithm ?? "",
    row.shapes,
    row.why ?? "",
  ]);
}
