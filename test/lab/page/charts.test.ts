import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { chartRows, figureOf } from "../../../lab/page/charts/index.ts";
import { axisTicks, extent, looksOf, plainNumber, wrap } from "../../../lab/page/charts/look.ts";
import { projectSurface } from "../../../lab/page/charts/surface.ts";
import { renderFigure } from "../../../lab/page/plot.ts";
import type { CategoryChart, Chart, GridChart, LineChart } from "../../../lab/report/chart.ts";

const lines: LineChart = {
  kind: "lines",
  id: "l",
  title: "Lines",
  caption: "",
  x: { label: "step", whole: true },
  y: { label: "loss", unit: "nats", log: true },
  marks: "both",
  rules: [{ y: 1, label: "here" }],
  panels: ["left", "right"].map((title) => ({
    title,
    series: [
      {
        name: "plain",
        tone: "plain",
        points: [
          { x: 1, y: 10, low: 5, high: 20 },
          { x: 2, y: 0 },
          { x: 3, y: Number.NaN },
          { x: 4, y: 0.1, low: 0.05, high: 0.2 },
        ],
      },
      { name: "other", points: [{ x: 1, y: 1 }] },
    ],
  })),
};

const categories: CategoryChart = {
  kind: "categories",
  id: "c",
  title: "Categories",
  caption: "",
  x: { label: "error", unit: "%" },
  series: [
    {
      name: "here",
      values: [
        { category: "a", value: 1, low: 0.5, high: 1.5 },
        { category: "b", value: 2 },
      ],
    },
    {
      name: "paper",
      values: [
        { category: "a", value: 3 },
        { category: "b", value: Number.NaN },
      ],
    },
  ],
};

const grid = (kind: GridChart["kind"]): GridChart => ({
  kind,
  id: kind,
  title: "Grid",
  caption: "",
  x: { label: "α" },
  y: { label: "β" },
  value: { label: "loss" },
  panels: [
    {
      title: "one",
      xs: [-1, 0, 1],
      ys: [-1, 1],
      values: [
        [1, 2, 3],
        [4, 5, Number.POSITIVE_INFINITY],
      ],
    },
  ],
});

function draw(chart: Chart): { wide: Element; narrow: Element; text: string } {
  const { wide, narrow, file } = renderFigure(figureOf(chart));
  const parse = (svg: string): Element =>
    new JSDOM(svg, { contentType: "image/svg+xml" }).window.document.documentElement;
  // A file of its own is XML and brings its colours.
  expect(parse(file).tagName).toBe("svg");
  expect(file).not.toContain("var(--");
  return { wide: parse(wide), narrow: parse(narrow), text: parse(wide).textContent ?? "" };
}

/** The lines of the first text that starts like this. */
function titleLines(svg: Element, start: string): string[] {
  const found = [...svg.querySelectorAll("text")].find(({ textContent }) => textContent?.startsWith(start));
  return [...(found?.querySelectorAll("tspan") ?? [])].map(({ textContent }) => textContent ?? "");
}

test.each([lines, grid("heat"), grid("contour"), grid("surface")])(
  "without any panel, as after an early Ctrl-C: axes ($kind)",
  (chart) => {
    const { wide, narrow, file } = renderFigure(figureOf({ ...chart, panels: [] }));
    for (const svg of [wide, narrow, file]) {
      expect(svg).toContain("</svg>");
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  },
);

describe("lines", () => {
  const { wide, narrow, text } = draw(lines);

  test("axes are named with their units, panels, rules and series by their names", () => {
    for (const part of ["step →", "↑ loss (nats, log)", "left", "right", "here", "plain", "other"]) {
      expect(text).toContain(part);
    }
    expect(wide.getAttribute("aria-label")).toBe("loss (nats, log) over step: plain, other, in panels left, right.");
  });

  test("on a log axis what is no number is left out, zero stands on the lower edge; a band where there is one", () => {
    const edge = [...wide.querySelectorAll('[aria-label="text"] text')].filter(
      ({ textContent }) => textContent === "0",
    );
    expect(edge).toHaveLength(2);
    // Two panels, and in each two dots of one series and one of the other.
    expect(wide.querySelectorAll('[aria-label="dot"] path, [aria-label="dot"] circle')).toHaveLength(6);
    expect(wide.querySelectorAll('[aria-label="area"] path')).toHaveLength(2);
  });

  test("a faint series lies below the others, has no entry in the legend and no dots", () => {
    const [{ title, series }] = lines.panels;
    const faint = { name: "plain", tone: "plain", faint: true, points: series[0].points } as const;
    const drawn = draw({ ...lines, panels: [{ title, series: [...series, faint] }] });
    const paths = [...drawn.wide.querySelectorAll('[aria-label="line"]')];
    expect(paths.map((path) => path.getAttribute("stroke-opacity"))).toEqual(["0.4", null, null]);
    expect(drawn.wide.querySelectorAll('[aria-label="dot"] path, [aria-label="dot"] circle')).toHaveLength(3);
    expect(drawn.text.match(/plain/g)).toHaveLength(1);
  });

  test("stems rise from zero to each dot", () => {
    const points = [1, 2, 3].map((x) => ({ x, y: x / 4 }));
    const panels = [{ title: "", series: [{ name: "share", points }] }];
    const { wide } = draw({ ...lines, y: { label: "share" }, rules: [], marks: "stems", panels });
    const stems = [...wide.querySelectorAll('[aria-label="rule"] line')];
    expect(new Set(stems.map((stem) => stem.getAttribute("y1"))).size).toBe(1);
    expect(new Set(stems.map((stem) => stem.getAttribute("y2"))).size).toBe(3);
  });

  test("with a domain of its own, what lies outside is cut off", () => {
    expect(wide.querySelectorAll("clipPath")).toHaveLength(0);
    const cut = draw({ ...lines, y: { label: "loss", log: true, domain: [1, 20] } });
    expect(cut.wide.querySelectorAll("clipPath").length).toBeGreaterThan(0);
    expect(cut.text).not.toContain("0.1");
  });

  test("on a telephone panels stand below one another", () => {
    const height = (svg: Element): number => Number(svg.getAttribute("height"));
    expect(Number(narrow.getAttribute("width"))).toBe(360);
    expect(height(narrow)).toBeGreaterThan(height(wide));
  });

  test("titles that are longer than their panels are wide stand above them, in lines", () => {
    const many = (title: string): Chart => ({
      ...lines,
      panels: [1, 2, 3, 4, 5, 6].map((i) => ({ ...lines.panels[0], title: `${title} ${i}` })),
    });
    const [short, long] = [draw(many("stage")), draw(many("before the training of stage"))];
    expect(titleLines(short.wide, "stage 1")).toEqual([]);
    expect(titleLines(long.wide, "before the")).toEqual(["before the", "training of", "stage 1"]);
    expect(Number(long.wide.getAttribute("height"))).toBe(Number(short.wide.getAttribute("height")) + 3 * 16);
    // On a telephone a panel is as wide as the picture.
    expect(long.narrow.textContent).toContain("before the training of stage 1");
  });

  test("on a log axis with a domain of its own no number stands outside", () => {
    const { wide } = draw({ ...lines, y: { label: "loss", log: true, domain: [0.01, 6] } });
    const numbers = [...wide.querySelectorAll('[aria-label="y-axis tick label"] text')].map((t) => t.textContent);
    expect(numbers).toEqual(["0.01", "0.02", "0.1", "0.2", "1", "2"]);
  });

  test("no points at all: an empty picture, not an error", () => {
    expect(draw({ ...lines, panels: [{ title: "", series: [] }] }).text).toContain("step →");
  });
});

test("categories: a row for each, a dot for each value, a bar where it has a spread", () => {
  const { wide, text } = draw(categories);
  for (const part of ["a", "b", "here", "paper", "error (%) →"]) expect(text).toContain(part);
  expect(wide.querySelectorAll('[aria-label="dot"] path, [aria-label="dot"] circle')).toHaveLength(3);
});

test.each(["heat", "contour", "surface"] as const)("%s: the colours' meaning and ends are told", (kind) => {
  const { text, wide } = draw(grid(kind));
  for (const part of ["loss", "1", "5"]) expect(text).toContain(part);
  if (kind === "heat") expect(wide.querySelectorAll('[aria-label="rect"] rect')).toHaveLength(6);
  if (kind === "surface") expect(wide.querySelectorAll('[aria-label="line"] path')).toHaveLength(2);
});

test("every number of a chart is a row of its CSV file", () => {
  expect(chartRows(lines)).toHaveLength(10);
  expect(chartRows(lines)[0]).toEqual({ panel: "left", series: "plain", x: 1, y: 10, low: 5, high: 20 });
  expect(chartRows(categories)[1]).toEqual({ series: "here", category: "b", value: 2, low: null, high: null });
  expect(chartRows(grid("heat"))[5]).toEqual({ panel: "one", x: 1, y: 1, value: Number.POSITIVE_INFINITY });
});

describe("looks", () => {
  test("a tone that is asked for is kept, and nobody else gets it while there are others", () => {
    const looks = looksOf([{ name: "a" }, { name: "b", tone: "residual" }, { name: "a" }, { name: "c" }]);
    expect([...looks].map(([name, { tone }]) => [name, tone])).toEqual([
      ["a", "green"],
      ["b", "residual"],
      ["c", "purple"],
    ]);
  });

  test("neighbours differ in colour, dashes and symbol", () => {
    const looks = [...looksOf(["a", "b", "c", "d"].map((name) => ({ name }))).values()];
    expect(new Set(looks.map(({ tone }) => tone)).size).toBe(4);
    expect(new Set(looks.map(({ symbol }) => symbol)).size).toBe(4);
    expect(new Set(looks.map(({ dashes }) => dashes)).size).toBe(4);
  });
});

test("lines are as long as they may be, and words stay whole", () => {
  expect(wrap("stage 1, before training", 15)).toEqual(["stage 1, before", "training"]);
  expect(wrap("stage 1, before training", 14)).toEqual(["stage 1,", "before", "training"]);
  expect(wrap("extraordinarily long", 5)).toEqual(["extraordinarily", "long"]);
  expect(wrap("", 5)).toEqual([""]);
});

test("numbers on axes", () => {
  expect([0, 1, -0.5, 20000, 1e6, 3e-12, 0.001].map(plainNumber)).toEqual([
    "0",
    "1",
    "-0.5",
    "20,000",
    "10⁶",
    "3·10⁻¹²",
    "0.001",
  ]);
});

test("ticks are round numbers, as many as there is room for", () => {
  expect(axisTicks({ whole: true }, [0, 600], 6)).toEqual([0, 100, 200, 300, 400, 500, 600]);
  // Three blocks have no half ones between them.
  expect(axisTicks({ whole: true }, [0.5, 3.5], 10)).toEqual([1, 2, 3]);
  expect(axisTicks({}, [0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
});

test("ticks of a log axis: powers of ten; over less than a decade also what lies between", () => {
  expect(axisTicks({ log: true }, [0.001, 1000], 6)).toEqual([0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  expect(axisTicks({ log: true }, [1, 10], 6)).toEqual([1, 2, 3, 4, 5, 6, 10]);
  expect(axisTicks({ log: true }, [1.87, 2.4], 6)).toEqual([1.9, 2, 2.1, 2.2, 2.3, 2.4]);
});

test("surface: the farthest face comes first, and what is not finite stands at the top", () => {
  const faces = projectSurface(
    {
      title: "",
      xs: [0, 1, 2],
      ys: [0, 1, 2],
      values: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, Number.NaN],
      ],
    },
    { domain: [0, 8], log: false },
  );
  expect(faces).toHaveLength(4);
  // The far corner is x = y = 2: its face has one corner of NaN, drawn at 8, and a mean of 8/4.
  expect(faces.map(({ value }) => value)).toEqual([2, 0, 0, 0]);
  const height = (face: (typeof faces)[number]): number => Math.max(...face.corners.map(([, v]) => v));
  expect(height(faces[0])).toBeGreaterThan(height(faces[3]));
});

describe("axes", () => {
  test("around one value, and around none, there is something to draw, also on a logarithmic axis", () => {
    expect(extent([3, 1, Number.NaN, 2])).toEqual([1, 3]);
    expect(extent([0.3], true)).toEqual([0.15, 0.6]);
    expect(extent([0])).toEqual([-0.5, 0.5]);
    expect(axisTicks({ log: true }, extent([], true), 6).length).toBeGreaterThan(2);
  });

  test("zero is 0, not -0", () => {
    expect(Object.is(axisTicks({ whole: true }, [-0.5, 3], 6)[0], 0)).toBe(true);
  });
});
