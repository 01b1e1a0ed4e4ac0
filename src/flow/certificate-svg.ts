/**
 * The certificate as a picture: the network's blocks from input to output, each with its W (certificate.ts). The
 * verdict is a colour and a word; a bar shows the part of the gradient's entries that arrives; the factor and that part
 * are written where they are not 1. The whole way runs down the side. Blocks that do not hold have thick, crossed
 * frames.
 */
import { checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import {
  type BlockCertificate,
  type Certificate,
  type Counterexample,
  type Passage,
  type ShortcutVerdict,
  VERDICTS,
} from "./certificate.ts";
import { callName, checkCertificate } from "./certificate-text.ts";

/**
 * After Okabe & Ito, like the laboratory's pages: by day and by night. Words and frames repeat the colours' meaning.
 */
const COLOURS: Readonly<Record<ShortcutVerdict, readonly [day: string, night: string]>> = {
  identity: ["#007f5f", "#3fc79a"],
  selection: ["#0072b2", "#5cb8f0"],
  mask: ["#b57a00", "#f0b93a"],
  scale: ["#b5609a", "#e39cc6"],
  mixed: ["#6a51a3", "#b5a3e8"],
  gate: ["#8c5a2b", "#d3a06c"],
  transform: ["#d55e00", "#ff9a52"],
  zero: ["#b3261e", "#ff8a80"],
  none: ["#1f2328", "#e6e9ed"],
  undecided: ["#59636e", "#9aa5b1"],
};

const MEANINGS: Readonly<Record<ShortcutVerdict, string>> = {
  identity: "everything passes unchanged",
  selection: "some entries pass unchanged, the others are lost",
  mask: "which entries pass depends on values or chance",
  scale: "multiplied by factors",
  mixed: "entries are added up or go to several places",
  gate: "multiplied by a computed gate",
  transform: "transformed by weights",
  zero: "the ways together pass nothing",
  none: "no shortcut",
  undecided: "not known",
};

const INK = ["#1f2328", "#e6e9ed"] as const;
const FAINT = ["#59636e", "#9aa5b1"] as const;
const GRID = ["#d8dee4", "#2c343d"] as const;
const GROUND = ["#ffffff", "#12161c"] as const;

/** Sizes in pixels. */
interface Cell {
  readonly width: number;
  readonly gap: number;
  readonly font: number;
}

/** The largest number of blocks drawn with each cell. */
const CELLS: readonly (readonly [number, Cell])[] = [
  [16, { width: 150, gap: 18, font: 14 }],
  [64, { width: 104, gap: 13, font: 11.5 }],
  [Number.POSITIVE_INFINITY, { width: 76, gap: 8, font: 10 }],
];
const MARGIN = 10;
const LEFT = 34;
const TEXT_SIZE = 14;
const LINE = 20;
/** A character's width as a part of the font size: a little more than most, so that texts fit. */
const CHARACTER = 0.57;

/** Options of `toSvg`. */
export interface SvgOptions {
  /** In pixels. Default 880. */
  width?: number;
}

const OPTIONS: OptionNames<SvgOptions> = { width: true };

/**
 * Draws a certificate as an SVG document that needs nothing else, by day and (where the viewer prefers it) by night.
 *
 * @example
 * const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
 * toSvg(certify(model, randn([2, 3, 8, 8], new Rng(1)))).startsWith("<svg"); // true
 *
 * @throws UsageError for anything but a certificate.
 */
export function toSvg(certificate: Certificate, options: SvgOptions = {}): string {
  checkCertificate("toSvg", certificate);
  checkOptions("toSvg", options, OPTIONS);
  const { width: outer = 880 } = options;
  checkWhole("toSvg", "width", outer);
  const { blocks, whole, summary, model, mode, holds } = certificate;
  const width = Math.max(240, outer) - 2 * MARGIN;
  const parts: string[] = [];
  let y = 8;
  const write = (text: string, className: string): void => {
    for (const line of wrapped(text, width, TEXT_SIZE)) {
      y += LINE;
      parts.push(label(0, y - 5, TEXT_SIZE, className, line));
    }
  };
  write(summary, "ink strong");
  write(`${model}, ${mode} mode, ${blocks.length} ${blocks.length === 1 ? "block" : "blocks"}`, "faint");
  if (blocks.length > 0) {
    const cut = whole.cut === null ? "" : `, the graph is cut at ${whole.cut}`;
    write(`The whole way, ${whole.from} to ${whole.to}: ${inWords(whole)}${cut}`, `${whole.verdict} strong`);
    y += 16;
    const drawn = grid(blocks, whole, y, width);
    parts.push(drawn.svg);
    y = drawn.bottom + 16;
    const worst = blocks.find((block) => !block.holds);
    if (worst) write(`First that does not hold: ${callName(worst)}: ${worst.reason}`, "ink");
    if (worst?.counterexample) write(counterexampleText(worst.counterexample, worst), "faint");
    y += 10;
    const used = VERDICTS.filter((verdict) => whole.verdict === verdict || blocks.some((b) => b.verdict === verdict));
    for (const verdict of used) {
      y += LINE;
      parts.push(rectangle(0, y - 17, 14, 14, `frame ${verdict}`), label(22, y - 5, 13, verdict, verdict));
      wrapped(MEANINGS[verdict], width - 104, 13).forEach((line, i) => {
        if (i > 0) y += LINE;
        parts.push(label(104, y - 5, 13, "faint", line));
      });
    }
    write(
      "Bars: entries of the gradient that arrive. Crossed: what does not hold. The long arrow is the gradient, from the output back to the input.",
      "faint",
    );
  }
  const height = Math.ceil(y + 8);
  return `<svg xmlns="http://www.w3.org/2000/svg" class="certificate" role="img" aria-label="${escaped(summary)}" viewBox="${-MARGIN} 0 ${width + 2 * MARGIN} ${height}" width="${width + 2 * MARGIN}" height="${height}" data-holds="${holds === true}">
<style>${style()}</style>
<rect class="ground" x="${-MARGIN}" width="${width + 2 * MARGIN}" height="${height}"/>
${parts.join("\n")}
</svg>`;
}

/** The blocks row by row, with the whole way down their side. */
function grid(
  blocks: readonly BlockCertificate[],
  whole: Passage,
  top: number,
  width: number,
): { svg: string; bottom: number } {
  const {
    width: least,
    gap,
    font,
  } = CELLS.find(([most, { width: wide }]) => blocks.length <= most && width >= LEFT + 2.2 * wide)![1];
  const columns = Math.max(1, Math.floor((width - LEFT + gap) / (least + gap)));
  const cell = Math.floor((width - LEFT + gap) / columns) - gap;
  const lines = blocks.some((block) => details(block) !== "") ? 3 : 2;
  const height = Math.round(font * (1.3 * lines + 1.2)) + 5;
  const step = height + Math.max(10, gap);
  const rows = Math.ceil(blocks.length / columns);
  const bottom = top + rows * step - (step - height);
  const parts = blocks.map((block, i) => {
    const x = LEFT + (i % columns) * (cell + gap);
    const y = top + Math.floor(i / columns) * step;
    const isLast = i % columns === columns - 1;
    const arrow =
      i === blocks.length - 1
        ? ""
        : isLast
          ? turn(x + cell, y + height, step - height)
          : forward(x + cell, y + height / 2, gap);
    return drawBlock(block, x, y, cell, height, font) + arrow;
  });
  const middle = LEFT / 2 - 5;
  const way = whole.verdict;
  const tip = `M${middle - 6} ${top + 10}L${middle} ${top}L${middle + 6} ${top + 10}`;
  const dashes = way === "identity" || way === "selection" ? "" : ' stroke-dasharray="7 5"';
  parts.push(
    `<g><title>${escaped(`The whole way: ${inWords(whole)}`)}</title><path class="way ${way}" d="M${middle} ${bottom}V${top + 3}"${dashes}/><path class="way ${way}" d="${tip}"/></g>`,
  );
  return { svg: parts.join("\n"), bottom };
}

function drawBlock(block: BlockCertificate, x: number, y: number, width: number, height: number, font: number): string {
  const { verdict, reason, holds } = block;
  const open = Math.max(0, Math.min(1, block.open ?? 0));
  const inner = width - 12;
  const at = (line: number): number => y + 5 + font * (0.5 + 1.3 * line);
  const detail = details(block);
  const cross = font * 0.75;
  const left = x + width - cross - 5;
  const crossTop = at(1) - font * 0.75;
  return [
    `<g><title>${escaped(`${callName(block)}: ${verdict}. ${reason}`)}</title>`,
    rectangle(x, y, width, height, `frame ${verdict}${holds ? "" : " broken"}`),
    rectangle(x, y, width, 5, "empty"),
    open > 0 ? rectangle(x, y, Math.max(1, width * open), 5, `bar ${verdict}`) : "",
    label(x + 6, at(1), font, "ink", fitted(callName(block), inner - (holds ? 0 : cross), font)),
    label(x + 6, at(2), font, `${verdict} strong`, verdict),
    detail
      ? label(
          x + 6,
          at(3),
          font,
          "faint",
          detail.length * font * CHARACTER <= inner ? detail : fitted(detail.replace(" open", ""), inner, font),
        )
      : "",
    holds
      ? ""
      : `<path class="cross" d="M${round(left)} ${round(crossTop)}l${round(cross)} ${round(cross)}m0 ${round(-cross)}l${round(-cross)} ${round(cross)}"/>`,
    "</g>",
  ].join("");
}

/** To the next block of the row. */
function forward(x: number, y: number, gap: number): string {
  return `<path class="line" d="M${round(x + 2)} ${round(y)}h${gap - 5}m-3 -3l3 3l-3 3"/>`;
}

/** From a row's last block to the next row. */
function turn(x: number, y: number, gap: number): string {
  return `<path class="line" d="M${round(x - 14)} ${round(y + 2)}v${gap - 5}m-3 -3l3 3l3 -3"/>`;
}

/** `×0.5, 54 % open`: the values other than 1. */
function details({ factor, open }: Passage): string {
  const scaled = factor === null || factor === 1 ? [] : [`×${short(factor)}`];
  const shut = open === null || open === 1 ? [] : [`${percent(open)} open`];
  return [...scaled, ...shut].join(", ");
}

function inWords(passage: Passage): string {
  const { verdict, gain, onThisInput } = passage;
  const input = onThisInput ? " on this input" : "";
  const detail = details(passage);
  if (verdict === "undecided") return verdict;
  return `${verdict}${input}${detail ? `, ${detail}` : ""}, gain ${short(gain)}`;
}

/** One entry of the gradient, and where it goes. */
export function counterexampleText(
  { entry, arrives, step }: Counterexample,
  { path }: Pick<BlockCertificate, "path">,
): string {
  const where =
    step === null || !path[step] ? "" : ` (${path[step].op}, step ${step + 1} of ${path.length} on the way back)`;
  if (arrives.length === 0) return `For example: entry ${entry} of ∂L/∂y is lost${where}.`;
  const places = arrives.map((arrival) => `entry ${arrival.entry} times ${short(arrival.factor)}`).join(", ");
  return `For example: entry ${entry} of ∂L/∂y arrives at ${places} of ∂L/∂x${where}.`;
}

/** 100 % only for all, 0 % only for nothing. */
function percent(fraction: number): string {
  if (fraction > 0 && fraction < 0.005) return "<1 %";
  if (fraction < 1 && fraction >= 0.995) return ">99 %";
  return `${Math.round(100 * fraction)} %`;
}

function short(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A text that is too long keeps its end, which says more than its beginning: `…layer3.17`. */
function fitted(text: string, width: number, font: number): string {
  const most = Math.max(2, Math.floor(width / (font * CHARACTER)));
  const characters = [...text];
  return characters.length <= most ? text : `…${characters.slice(1 - most).join("")}`;
}

function wrapped(text: string, width: number, font: number): string[] {
  const most = Math.floor(width / (font * CHARACTER));
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > most) {
      lines.push(line);
      line = "";
    }
    line += (line && " ") + word;
  }
  return [...lines, line];
}

function rectangle(x: number, y: number, width: number, height: number, className: string): string {
  return `<rect class="${className}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/>`;
}

function label(x: number, y: number, font: number, className: string, text: string): string {
  return `<text class="${className}" x="${round(x)}" y="${round(y)}" font-size="${font}">${escaped(text)}</text>`;
}

/** Text for XML; characters that XML cannot contain are shown as unknown ones. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** No custom properties: not every SVG viewer knows them. */
function style(): string {
  const at = (time: 0 | 1): string => {
    const rules = VERDICTS.map((verdict) => {
      const colour = COLOURS[verdict][time];
      return `.certificate text.${verdict}, .certificate .bar.${verdict}, .certificate .frame.${verdict} { fill: ${colour}; } .certificate .frame.${verdict}, .certificate .way.${verdict} { stroke: ${colour}; }`;
    });
    return `.certificate .ground { fill: ${GROUND[time]}; } .certificate text.ink { fill: ${INK[time]}; } .certificate text.faint { fill: ${FAINT[time]}; } .certificate .empty { fill: ${GRID[time]}; } .certificate .line { stroke: ${FAINT[time]}; } .certificate .cross { stroke: ${INK[time]}; }\n${rules.join("\n")}`;
  };
  return `.certificate text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
.certificate .strong { font-weight: 600; }
.certificate .frame { fill-opacity: 0.09; stroke-width: 1; } .certificate .broken { stroke-width: 2.5; stroke-dasharray: 5 3; }
.certificate .line, .certificate .way, .certificate .cross { fill: none; stroke-width: 1.2; } .certificate .way { stroke-width: 5; } .certificate .cross { stroke-width: 1.8; }
${at(0)}
@media screen and (prefers-color-scheme: dark) {
${at(1)}
}`;
}
