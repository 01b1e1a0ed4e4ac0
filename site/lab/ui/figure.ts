/**
 * The frame around a figure: caption, canvas, hover card, its numbers as a table, and its picture as a file. The canvas follows
 * its CSS size (ResizeObserver) and is drawn only where it is on the screen (IntersectionObserver); a frame reads no layout.
 */
import { type Context2d, canvasPen } from "../draw/canvas.ts";
import type { Size } from "../draw/look.ts";
import type { Pen } from "../draw/pen.ts";
import { svgOf } from "../draw/svg.ts";
import type { Table } from "./csv.ts";
import { h, say } from "./h.ts";
import { Paced } from "./paced.ts";
import { currentPaint, type Paint } from "./paint.ts";
import { download, numbers } from "./table.ts";

export type Draw = (pen: Pen, size: Size, paint: Paint) => void;

/** A canvas with its pen. */
export interface Screen {
  readonly element: HTMLCanvasElement;
  readonly size: Size;
  /** Whether it is to be drawn at all. */
  readonly visible: boolean;
  /** Whether it must be drawn though its data are the same: it was resized or came into view. */
  stale: boolean;
  paint(draw: Draw, paint: Paint): void;
  end(): void;
}

const offscreen = (width: number, height: number): Context2d => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas.getContext("2d") as unknown as Context2d;
};

export function screen(className: string): Screen {
  const element = h("canvas", { class: className });
  const context = element.getContext("2d")!;
  const pen = canvasPen(context as unknown as Context2d, offscreen);
  const state = { width: 0, height: 0, ratio: 1, visible: false };
  const resized = new ResizeObserver(([entry]) => {
    const { width, height } = entry!.contentRect;
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (width === state.width && height === state.height && ratio === state.ratio) return;
    Object.assign(state, { width, height, ratio });
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    self.stale = true;
  });
  const seen = new IntersectionObserver(
    (entries) => {
      state.visible = entries.at(-1)!.isIntersecting;
      if (state.visible) self.stale = true;
    },
    { rootMargin: "80px" },
  );
  resized.observe(element);
  seen.observe(element);
  const self: Screen = {
    element,
    get size() {
      return { width: state.width, height: state.height };
    },
    get visible() {
      return state.visible && state.width > 0;
    },
    stale: true,
    paint(draw, paint) {
      context.setTransform(state.ratio, 0, 0, state.ratio, 0, 0);
      context.clearRect(0, 0, state.width, state.height);
      draw(pen, self.size, paint);
      self.stale = false;
    },
    end() {
      resized.disconnect();
      seen.disconnect();
    },
  };
  return self;
}

export interface FigureParts {
  /** Part of file names and ids, such as "loss". */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  /** Classes of the section and the canvas. */
  readonly className: string;
  readonly canvasClass: string;
  readonly draw: Draw;
  table(): Table;
  /** What stands in the head before "Numbers" and "Save". */
  readonly controls?: readonly HTMLElement[];
}

export interface Figure {
  readonly element: HTMLElement;
  readonly screen: Screen;
  /** Positioned around the canvas: hover cards go here. */
  readonly stage: HTMLElement;
  readonly hover: HoverCard;
  readonly title: HTMLElement;
  readonly caption: HTMLElement;
}

export function figure(parts: FigureParts): Figure {
  const view = screen(parts.canvasClass);
  const id = `lab-${parts.name}-title`;
  const table = numbers(parts.title, parts.table);
  const stage = h("div", { class: "stage" }, view.element);
  const hover = hoverCard(stage);
  const title = h("h2", { id }, parts.title);
  const caption = h("p", { class: "caption" }, parts.caption);
  const element = h(
    "section",
    { class: parts.className, "aria-labelledby": id, "data-place": parts.name },
    h("div", { class: "head" }, title, ...(parts.controls ?? []), table.button, saveMenu(parts, view)),
    stage,
    caption,
    table.panel,
  );
  return { element, screen: view, stage, hover, title, caption };
}

/** "Save" as SVG by the pen that writes it, as PNG from a canvas of twice the size. */
function saveMenu({ name, title, draw }: FigureParts, view: Screen): HTMLElement {
  const size = (): Size => (view.size.width > 0 ? view.size : { width: 800, height: 290 });
  const svg = (): void => {
    const paint = currentPaint();
    download(
      `${name}.svg`,
      svgOf(size(), (pen) => draw(pen, size(), paint), { title, background: paint.background }),
      "image/svg+xml",
    );
  };
  const png = (): void => {
    const { width, height } = size();
    const context = offscreen(2 * width, 2 * height) as unknown as CanvasRenderingContext2D;
    const paint = currentPaint();
    context.fillStyle = paint.background;
    context.fillRect(0, 0, 2 * width, 2 * height);
    context.setTransform(2, 0, 0, 2, 0, 0);
    draw(canvasPen(context as unknown as Context2d, offscreen), { width, height }, paint);
    context.canvas.toBlob((blob) => blob !== null && download(`${name}.png`, blob, "image/png"));
  };
  const choose = h(
    "select",
    {
      class: "save",
      "aria-label": `Save the picture: ${title}`,
      onchange: () => {
        if (choose.value === "svg") svg();
        else if (choose.value === "png") png();
        choose.value = "";
      },
    },
    h("option", { value: "" }, "Save"),
    h("option", { value: "svg" }, "as SVG"),
    h("option", { value: "png" }, "as PNG"),
  );
  return choose;
}

/** A card at a point of the figure. The pointer may enter it, Escape closes it, and it never leaves its figure. */
export interface HoverCard {
  readonly open: boolean;
  show(x: number, y: number, ...content: (Node | string)[]): void;
  /** Hides it in a moment, unless the pointer is in it. */
  hide(): void;
  close(): void;
}

export function hoverCard(stage: HTMLElement): HoverCard {
  const element = h("div", { class: "hover", hidden: true });
  stage.append(element);
  let inside = false;
  let words = "";
  const close = (): void => {
    element.hidden = true;
    words = "";
  };
  element.addEventListener("pointerenter", () => {
    inside = true;
  });
  element.addEventListener("pointerleave", () => {
    inside = false;
    close();
  });
  stage.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || element.hidden) return;
    close();
    event.stopPropagation();
  });
  return {
    get open() {
      return !element.hidden;
    },
    show(x, y, ...content) {
      element.hidden = false;
      const text = content.map((part) => (typeof part === "string" ? part : part.textContent)).join();
      if (text !== words) element.replaceChildren(...content);
      words = text;
      const right = x > stage.clientWidth / 2;
      element.style.transform = `translate(${Math.round(right ? x - 14 - element.offsetWidth : x + 14)}px, ${Math.round(y)}px)`;
    },
    hide() {
      setTimeout(() => {
        if (!inside) close();
      }, 120);
    },
    close,
  };
}

/** Writes the sentence that a screen reader says for a canvas. */
export function describe(canvas: HTMLCanvasElement, words: string): void {
  if (canvas.getAttribute("role") === null) canvas.setAttribute("role", "img");
  if (canvas.getAttribute("aria-label") !== words) canvas.setAttribute("aria-label", words);
}

/**
 * Renews the sentence of a canvas that changes all the time: once in ten seconds, and at once when `state` is another one, such
 * as on pause.
 */
export function heard(canvas: HTMLCanvasElement): (sentence: () => string, state: string) => void {
  const paced = new Paced<() => string>((sentence) => describe(canvas, sentence()), 10_000);
  let last: string | null = null;
  return (sentence, state) => {
    paced.push(sentence);
    if (state !== last) paced.flush();
    last = state;
  };
}

/** A row of a hover card's small table. */
export function cells(...words: readonly string[]): HTMLElement {
  const row = h("tr");
  for (const word of words) say(row.insertCell(), word);
  return row;
}
