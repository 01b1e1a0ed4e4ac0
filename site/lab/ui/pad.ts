/** The drawing pad: strokes by mouse, finger, pen or keyboard; what the two networks answer, and where they look. */

import { fontFamily } from "../../../lab/page/theme.ts";
import { h, mark, say } from "./h.ts";
import { Paced } from "./paced.ts";
import { inkOf, PEN, pictureOf, type StrokePoints } from "./raster.ts";
import { percent } from "./words.ts";

/** What one network says to a picture. */
export interface Answer {
  readonly probabilities: Float32Array;
  readonly saliency: Float32Array | null;
}

/** What the pad needs of the laboratory. */
export interface PadHost {
  pixels(): 14 | 28;
  /** Names of the ten classes. */
  classes(): readonly string[];
  /** Both networks' answers; null for one that cannot. */
  read(picture: Float32Array, saliency: boolean): Promise<readonly [a: Answer | null, b: Answer | null]>;
  add(picture: Float32Array, label: number): void;
}

export interface Pad {
  readonly element: HTMLElement;
  /** Puts a picture on the pad: values 0 … 1, pixels². */
  show(picture: Float32Array, pixels: number): void;
  /** Asks again, after steps of training, if something is drawn. */
  renew(): void;
  repaint(): void;
}

const CELLS = 14;
/** Digits are white on this, in light and dark, as in MNIST. */
const GROUND = "#161b22";
const names = ["blue", "orange"] as const;

export function pad(host: PadHost): Pad {
  const strokes: number[][] = [];
  let base: { readonly picture: Float32Array; readonly pixels: number } | null = null;
  let cell: readonly [x: number, y: number] | null = null;
  let drawing = false;
  let asked = 0;
  const board = h("canvas", {
    tabindex: 0,
    role: "application",
    "aria-roledescription": "drawing pad",
    "aria-label": `Drawing pad of ${CELLS} by ${CELLS} squares: arrow keys move, space draws, Backspace takes back, Delete clears`,
  });
  const small = h("canvas", { role: "img", "aria-label": "What the networks see" });
  const looks = names.map((name) => h("canvas", { role: "img", "aria-label": `Where ${name} looks` }));
  const sees = h("figure", {}, small, h("figcaption", {}, "what they see"));
  const lookFigures = looks.map((canvas, i) =>
    h("figure", { hidden: true }, canvas, h("figcaption", {}, `${names[i]} looks here`)),
  );
  const large = names.map((_, i) => h("div", { class: `large ${i === 0 ? "blue" : "red"}` }, "–"));
  const bars = h("div", { class: "bars", "aria-hidden": "true" });
  const note = h("p", { class: "quiet" });
  const spoken = h("p", { class: "ear", role: "status" });
  const label = h("select", { "aria-label": "The right answer" });

  const picture = (): Float32Array => {
    const pixels = host.pixels();
    if (base === null || base.pixels !== pixels) return pictureOf(strokes, pixels);
    const over = inkOf(strokes, pixels);
    return base.picture.map((value, i) => Math.max(value, over[i]!));
  };
  const empty = (): boolean => strokes.length === 0 && base === null;

  async function ask(saliency: boolean): Promise<void> {
    const id = ++asked;
    if (empty()) return showAnswers([null, null], false);
    const answers = await host.read(picture(), saliency);
    if (id === asked && !empty()) showAnswers(answers, saliency);
  }

  function showAnswers(answers: readonly (Answer | null)[], saliency: boolean): void {
    const best = answers.map((answer) => (answer === null ? -1 : top(answer.probabilities)));
    answers.forEach((answer, i) => {
      say(large[i]!, answer === null ? "–" : `${host.classes()[best[i]!]} ${percent(answer.probabilities[best[i]!]!)}`);
      const seen = answer?.saliency ?? null;
      lookFigures[i]!.hidden = seen === null;
      if (seen !== null) paintLook(looks[i]!, picture(), seen, host.pixels(), i);
    });
    bars.replaceChildren(...barRows(answers, host.classes()));
    const flat = answers.some((answer) => answer !== null && answer.probabilities[top(answer.probabilities)]! < 0.3);
    say(
      note,
      !saliency
        ? ""
        : `Coloured: where a change would change the answer most.${flat ? " A network that guesses looks nowhere in particular." : ""}`,
    );
    if (saliency) say(spoken, names.map((name, i) => `${name} says ${large[i]!.textContent}`).join(", "));
  }

  const live = new Paced<boolean>((saliency) => void ask(saliency), 50);

  function repaint(): void {
    paintBoard(board, strokes, base, cell);
    paintPicture(small, empty() ? new Float32Array(host.pixels() ** 2) : picture(), host.pixels());
  }
  function changed(done: boolean): void {
    repaint();
    live.push(done);
    if (done) live.flush();
  }
  function clear(): void {
    strokes.length = 0;
    base = null;
    changed(true);
  }
  function undo(): void {
    if (strokes.pop() === undefined) base = null;
    changed(true);
  }

  function point(event: PointerEvent): void {
    const bounds = board.getBoundingClientRect();
    const stroke = strokes.at(-1)!;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of all.length > 0 ? all : [event]) {
      stroke.push((clientX - bounds.left) / bounds.width, (clientY - bounds.top) / bounds.height);
    }
  }
  board.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    board.setPointerCapture(event.pointerId);
    drawing = true;
    cell = null;
    strokes.push([]);
    point(event);
    changed(false);
  });
  board.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    point(event);
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    board.addEventListener(end, () => {
      if (drawing) changed(true);
      drawing = false;
    });
  }
  board.addEventListener("keydown", (event) => {
    const [x, y] = cell ?? [6, 4];
    const move: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const by = move[event.key];
    const inside = (value: number): number => Math.max(0, Math.min(CELLS - 1, value));
    if (by !== undefined) {
      cell = cell === null ? [x, y] : [inside(x + by[0]), inside(y + by[1])];
      if (event.shiftKey) strokes.push([(cell[0] + 0.5) / CELLS, (cell[1] + 0.5) / CELLS]);
    } else if (event.key === " " || event.key === "Enter") {
      cell = [x, y];
      strokes.push([(x + 0.5) / CELLS, (y + 0.5) / CELLS]);
    } else if (event.key === "Backspace") strokes.pop();
    else if (event.key === "Delete") strokes.length = 0;
    else return;
    event.preventDefault();
    event.stopPropagation();
    changed(true);
  });
  board.addEventListener("blur", () => {
    cell = null;
    repaint();
  });

  const added = h("span", { class: "quiet", role: "status" });
  const element = h(
    "section",
    { class: "lab-pad", "aria-labelledby": "lab-pad-title", "data-place": "pad" },
    h(
      "div",
      { class: "head" },
      h("h2", { id: "lab-pad-title" }, "Draw a digit"),
      h("span", { class: "quiet" }, "both networks read it while they learn"),
    ),
    h(
      "div",
      { class: "two" },
      h("div", { class: "board" }, board),
      h(
        "div",
        { class: "says" },
        h("div", { class: "answers" }, ...large),
        bars,
        h("div", { class: "pair" }, sees, ...lookFigures),
        note,
      ),
    ),
    h(
      "div",
      { class: "row", style: "margin-top:10px" },
      h("button", { type: "button", onclick: undo }, "Undo"),
      h("button", { type: "button", onclick: clear }, "Clear"),
      h("span", { class: "row push" }, h("span", { class: "quiet" }, "it is a"), label),
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            if (empty()) return say(added, "Draw something first.");
            host.add(picture(), Number(label.value));
            say(added, "Added: every eighth image of the batches is one of yours now. A link cannot carry drawings.");
          },
        },
        "Add to the training",
      ),
    ),
    added,
    spoken,
  );
  const fillLabels = (): void =>
    label.replaceChildren(...host.classes().map((name, i) => h("option", { value: i }, name)));
  fillLabels();
  return {
    element,
    show: (shown, pixels) => {
      strokes.length = 0;
      base = { picture: shown, pixels };
      changed(true);
    },
    renew: () => {
      if (label.options[0]?.textContent !== host.classes()[0]) fillLabels();
      if (!drawing && !empty()) live.push(!lookFigures[0]!.hidden || !lookFigures[1]!.hidden);
    },
    repaint,
  };
}

/** The place of the largest. */
export function top(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i]! > probabilities[best]!) best = i;
  return best;
}

/** Ten rows of a class's name and both networks' bars. */
export function barRows(
  answers: readonly ({ readonly probabilities: ArrayLike<number> } | null)[],
  classes: readonly string[],
): HTMLElement[] {
  return classes.flatMap((name, i) => [
    h("span", {}, name.slice(0, 2)),
    h(
      "span",
      {},
      ...answers.map((answer, side) => {
        const bar = h("i", { class: side === 1 ? "second" : null });
        bar.style.width = `${Math.round(100 * (answer?.probabilities[i] ?? 0))}%`;
        return bar;
      }),
    ),
  ]);
}

function paintBoard(
  board: HTMLCanvasElement,
  strokes: readonly StrokePoints[],
  base: { readonly picture: Float32Array; readonly pixels: number } | null,
  cell: readonly [number, number] | null,
): void {
  const side = 2 * 280;
  if (board.width !== side) [board.width, board.height] = [side, side];
  const context = board.getContext("2d")!;
  context.fillStyle = GROUND;
  context.fillRect(0, 0, side, side);
  if (base !== null) drawPixels(context, base.picture, base.pixels, side);
  context.strokeStyle = "#ffffff";
  context.fillStyle = "#ffffff";
  [context.lineWidth, context.lineCap, context.lineJoin] = [PEN * side, "round", "round"];
  for (const stroke of strokes) {
    context.beginPath();
    for (let i = 0; i < stroke.length; i += 2) context.lineTo(stroke[i]! * side, stroke[i + 1]! * side);
    if (stroke.length === 2) context.lineTo(stroke[0]! * side + 0.01, stroke[1]! * side);
    context.stroke();
  }
  if (strokes.length === 0 && base === null) {
    context.globalAlpha = 0.75;
    context.font = `30px ${fontFamily}`;
    context.textAlign = "center";
    context.fillText("draw here", side / 2, side / 2);
    context.globalAlpha = 1;
  }
  if (cell !== null) {
    context.strokeStyle = "#f0b93a";
    context.lineWidth = 4;
    context.strokeRect((cell[0] * side) / CELLS, (cell[1] * side) / CELLS, side / CELLS, side / CELLS);
  }
}

function drawPixels(context: CanvasRenderingContext2D, picture: ArrayLike<number>, pixels: number, side: number): void {
  context.fillStyle = "#ffffff";
  for (let i = 0; i < pixels * pixels; i++) {
    if (picture[i]! <= 0) continue;
    context.globalAlpha = Math.min(1, picture[i]!);
    const [x, y] = [i % pixels, Math.floor(i / pixels)];
    context.fillRect((x * side) / pixels, (y * side) / pixels, side / pixels, side / pixels);
  }
  context.globalAlpha = 1;
}

/** A picture of the run's size in light ink on dark, one canvas pixel 6 wide. */
export function paintPicture(canvas: HTMLCanvasElement, picture: ArrayLike<number>, pixels: number): void {
  const side = pixels * (pixels === 14 ? 6 : 3);
  if (canvas.width !== side) [canvas.width, canvas.height] = [side, side];
  const context = canvas.getContext("2d")!;
  context.fillStyle = GROUND;
  context.fillRect(0, 0, side, side);
  drawPixels(context, picture, pixels, side);
}

/** The digit, dimmed, with the saliency over it in the network's colour: the strongest place full, none clear. */
function paintLook(
  canvas: HTMLCanvasElement,
  picture: Float32Array,
  saliency: Float32Array,
  pixels: number,
  side: number,
): void {
  paintPicture(
    canvas,
    picture.map((value) => value * 0.45),
    pixels,
  );
  const most = saliency.reduce((a, b) => Math.max(a, b), 0);
  if (!(most > 0)) return;
  const context = canvas.getContext("2d")!;
  const size = canvas.width / pixels;
  context.fillStyle = side === 0 ? "#5cb8f0" : "#ff9a52";
  for (let i = 0; i < pixels * pixels; i++) {
    context.globalAlpha = Math.min(1, saliency[i]! / most) * 0.9;
    context.fillRect((i % pixels) * size, Math.floor(i / pixels) * size, size, size);
  }
  context.globalAlpha = 1;
  mark(canvas, "data-drawn", true);
}
