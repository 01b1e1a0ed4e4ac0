/**
 * Drawing: Observable Plot makes the axes, scales and marks; jsdom stands in for the browser. Every figure is a function
 * of a canvas, so that the same one can be drawn wide and narrow, for the page and for a file of its own.
 */
import * as Plot from "@observablehq/plot";
import { JSDOM } from "jsdom";
import { fontFamily, lightPalette, type Palette, pagePalette } from "./theme.ts";

const { window } = new JSDOM("");

/** What a figure is drawn on. */
export interface Canvas {
  readonly width: number;
  /** On a telephone there is room for one panel beside another only below. */
  readonly narrow: boolean;
  readonly palette: Palette;
}

/** Height of the strip above a picture in which the legend stands. */
const LEGEND_HEIGHT = 34;

/** A line of the legend. The symbol repeats what the colour says. */
export interface LegendItem {
  readonly label: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly symbol?: "circle" | "triangle";
}

/** What a figure function returns: marks and scales for Plot, and the legend above them. */
export interface Drawing {
  /** Says in a sentence what is to be seen, for those who do not see it. */
  readonly description: string;
  readonly legend: readonly LegendItem[];
  readonly plot: Plot.PlotOptions;
}

/** A picture, in any size. */
export type Figure = (canvas: Canvas) => Drawing;

/** The same figure for wide and narrow screens, in the page's colours, and as a file that stands alone. */
export interface RenderedFigure {
  readonly wide: string;
  readonly narrow: string;
  readonly file: string;
}

export function renderFigure(figure: Figure): RenderedFigure {
  return {
    wide: draw(figure, { width: 880, narrow: false, palette: pagePalette }, false),
    narrow: draw(figure, { width: 360, narrow: true, palette: pagePalette }, false),
    file: `<?xml version="1.0" encoding="UTF-8"?>\n${draw(figure, { width: 880, narrow: false, palette: lightPalette }, true)}\n`,
  };
}

/** @param paper whether the picture brings its own ground and margin, because it has no page around it. */
function draw(figure: Figure, canvas: Canvas, paper: boolean): string {
  const { description, legend, plot } = figure(canvas);
  const { palette, width } = canvas;
  const margin = paper ? 14 : 0;
  const svg = Plot.plot({
    document: window.document,
    width,
    marginLeft: canvas.narrow ? 52 : 64,
    marginRight: canvas.narrow ? 12 : 24,
    marginTop: 34,
    marginBottom: 46,
    style: { background: "transparent", color: palette.ink, fontFamily, fontSize: "12px", overflow: "visible" },
    ...plot,
  }) as unknown as SvgElement;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", description);
  // Plot fills the picture from edge to edge; the legend gets a strip of its own above it.
  const height = Number(svg.getAttribute("height"));
  const frame = {
    x: -margin,
    y: -LEGEND_HEIGHT - margin,
    width: width + 2 * margin,
    height: height + LEGEND_HEIGHT + 2 * margin,
  };
  svg.setAttribute("viewBox", `${frame.x} ${frame.y} ${frame.width} ${frame.height}`);
  svg.setAttribute("width", String(frame.width));
  svg.setAttribute("height", String(frame.height));
  if (paper) svg.insertBefore(createSvg("rect", { ...frame, fill: palette.background }), svg.firstChild);
  svg.appendChild(legendOf(legend, palette, canvas));
  return new window.XMLSerializer().serializeToString(
    svg as unknown as Parameters<XMLSerializer["serializeToString"]>[0],
  );
}

/** As much of an SVG element as is used here. */
interface SvgElement {
  getAttribute(name: string): string | null;
  readonly firstChild: SvgElement | null;
  textContent: string | null;
  setAttribute(name: string, value: string): void;
  appendChild(child: SvgElement): void;
  insertBefore(child: SvgElement, before: SvgElement | null): void;
}

type XMLSerializer = InstanceType<typeof window.XMLSerializer>;

function createSvg(name: string, attributes: Readonly<Record<string, string | number>>, text?: string): SvgElement {
  const element = window.document.createElementNS("http://www.w3.org/2000/svg", name) as unknown as SvgElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** One row of samples with their names, in the top left corner. */
function legendOf(items: readonly LegendItem[], palette: Palette, { narrow }: Canvas): SvgElement {
  const group = createSvg("g", {
    transform: `translate(${narrow ? 3 : 4}, ${16 - LEGEND_HEIGHT})`,
    "text-anchor": "start",
  });
  let x = 0;
  for (const { label, colour, dashed, symbol } of items) {
    const line = { x1: x, x2: x + 26, y1: 0, y2: 0, stroke: colour, "stroke-width": 2.5 };
    group.appendChild(createSvg("line", dashed ? { ...line, "stroke-dasharray": "6 4" } : line));
    if (symbol === "circle") group.appendChild(createSvg("circle", { cx: x + 13, cy: 0, r: 4, fill: colour }));
    if (symbol === "triangle") {
      group.appendChild(createSvg("path", { d: `M${x + 13},-5 l5,9 h-10 z`, fill: colour }));
    }
    group.appendChild(createSvg("text", { x: x + 33, y: 0, dy: "0.32em", fill: palette.ink, "font-size": 13 }, label));
    // Letters of 13 px are about 7 px wide on average.
    x += 33 + 7 * label.length + 18;
  }
  return group;
}
