/** The pen that writes SVG: for the picture that stands in the page before scripts run, for "save as SVG", and for tests. */
import { fontFamily } from "../../../lab/page/theme.ts";
import type { Size } from "./look.ts";
import type { Pen, Stroke } from "./pen.ts";
import { pngOf } from "./png.ts";

export interface SvgOptions {
  /** What a screen reader says of the picture; without it, the picture is decoration. */
  readonly title?: string;
  /** Colour behind everything; without it, none. */
  readonly background?: string;
  /** Stands before the names of clip paths, which a page has only once. */
  readonly prefix?: string;
}

/** What `draw` draws, as the text of an SVG of that size. The same calls give the same text. */
export function svgOf(size: Size, draw: (pen: Pen) => void, options: SvgOptions = {}): string {
  const parts: string[] = [];
  if (options.background) parts.push(`<rect width="100%" height="100%" fill="${escaped(options.background)}"/>`);
  draw(svgPen(parts, options.prefix ?? "c"));
  const { width, height } = size;
  const name = options.title ? `role="img" aria-label="${escaped(options.title)}"` : 'aria-hidden="true"';
  const font = `font-family="${escaped(fontFamily)}"`;
  const box = `viewBox="0 0 ${short(width)} ${short(height)}" width="${short(width)}" height="${short(height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} ${name} ${font}>${parts.join("")}</svg>`;
}

/** A pen that appends elements to `parts`. */
export function svgPen(parts: string[], prefix = "c"): Pen {
  let clips = 0;
  return {
    line(points, style) {
      const d = pathOf(points);
      if (d) parts.push(`<path d="${d}" fill="none"${strokeOf(style)}/>`);
    },
    area(points, fill, opacity) {
      const d = pathOf(points);
      if (d) parts.push(`<path d="${d}Z"${paintOf({ fill, ...(opacity === undefined ? {} : { opacity }) })}/>`);
    },
    rect(x, y, width, height, style) {
      const round = style.radius ? ` rx="${short(style.radius)}"` : "";
      parts.push(`<rect${box(x, y, width, height)}${round}${paintOf(style)}/>`);
    },
    circle(x, y, radius, style) {
      parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}"${paintOf(style)}/>`);
    },
    text(x, y, words, style) {
      const anchor = style.anchor && style.anchor !== "start" ? ` text-anchor="${style.anchor}"` : "";
      const weight = style.weight ? ` font-weight="${style.weight}"` : "";
      const turn = style.turn ? ` transform="rotate(${short(style.turn)} ${short(x)} ${short(y)})"` : "";
      const fade = opacityOf(style.opacity);
      const rim = style.halo
        ? ` stroke="${escaped(style.halo)}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"`
        : "";
      const place = `x="${short(x)}" y="${short(y)}" font-size="${short(style.size)}" fill="${escaped(style.color)}"`;
      parts.push(`<text ${place}${anchor}${weight}${turn}${fade}${rim}>${escaped(words)}</text>`);
    },
    image(x, y, width, height, pixels) {
      const source = `href="data:image/png;base64,${pngOf(pixels)}"`;
      const look = 'preserveAspectRatio="none" style="image-rendering:pixelated"';
      parts.push(`<image${box(x, y, width, height)} ${look} ${source}/>`);
    },
    clip(x, y, width, height, draw) {
      const id = `${prefix}${clips++}`;
      parts.push(`<clipPath id="${id}"><rect${box(x, y, width, height)}/></clipPath><g clip-path="url(#${id})">`);
      draw();
      parts.push("</g>");
    },
  };
}

/** Text for SVG's text and attributes. */
export function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A hundredth of a pixel is enough. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100 + 0);
}

function pathOf(points: ArrayLike<number>): string {
  let d = "";
  let down = false;
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (Number.isNaN(x) || Number.isNaN(y)) {
      down = false;
      continue;
    }
    d += `${down ? "L" : "M"}${short(x)} ${short(y)}`;
    down = true;
  }
  return d;
}

function box(x: number, y: number, width: number, height: number): string {
  return ` x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
}

function strokeOf({ color, width, opacity, dash, offset }: Stroke): string {
  const dashes = dash ? ` stroke-dasharray="${dash.map(short).join(" ")}"` : "";
  const moved = dash && offset ? ` stroke-dashoffset="${short(offset)}"` : "";
  const look = ` stroke="${escaped(color)}" stroke-width="${short(width)}" stroke-linejoin="round"`;
  return look + dashes + moved + opacityOf(opacity);
}

function paintOf({ fill, stroke, opacity }: { fill?: string; stroke?: string; opacity?: number }): string {
  const line = stroke ? ` stroke="${escaped(stroke)}" stroke-width="1.4"` : "";
  return ` fill="${escaped(fill ?? "none")}"${line}${opacityOf(opacity)}`;
}

function opacityOf(opacity: number | undefined): string {
  return opacity === undefined || opacity === 1 ? "" : ` opacity="${short(opacity)}"`;
}
