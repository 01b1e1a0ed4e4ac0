/** Twelve images that neither network has seen, with both answers. */
import type { Name } from "../state.ts";
import { type HoverCard, hoverCard } from "./figure.ts";
import { h, mark, say } from "./h.ts";
import { type Actions, both, classNames, imageWord, type Model, namesOf, type Panel } from "./model.ts";
import { barRows, paintPicture, top } from "./pad.ts";
import { percent } from "./words.ts";

interface Tile {
  readonly button: HTMLButtonElement;
  readonly canvas: HTMLCanvasElement;
  readonly answers: Readonly<Record<Name, HTMLElement>>;
}

/** `onPad` puts an image on the drawing pad. */
export function digitsPanel(
  model: Model,
  actions: Actions,
  onPad: (picture: Float32Array, pixels: number) => void,
): Panel {
  const title = h("h2", { id: "lab-digits-title" }, "Twelve digits neither has seen");
  const list = h("ul");
  const stage = h("div", { class: "stage" }, list);
  const element = h(
    "section",
    { class: "lab-digits", "aria-labelledby": "lab-digits-title", "data-place": "digits" },
    h("div", { class: "head" }, title),
    stage,
    h(
      "p",
      { class: "caption" },
      "Blue's answer above, orange's below, fainter the less sure. A click puts one on the pad.",
    ),
  );
  const hover = hoverCard(stage);
  let tiles: Tile[] = [];
  let drawn: unknown = null;
  let drawnPaint: unknown = null;
  let open: number | null = null;
  const pick = (index: number): void => {
    actions.digit(index);
    onPad(pictureAt(model, index), model.images!.test.pixels);
  };
  const probabilities = (name: Name, index: number): Float32Array | null =>
    model.sides[name].tested?.shown.subarray(10 * index, 10 * index + 10) ?? null;
  function showHover(index: number): void {
    open = index;
    const { button } = tiles[index]!;
    const answers = both.map((name) => {
      const found = probabilities(name, index);
      return found === null ? null : { probabilities: found };
    });
    hover.show(
      button.offsetLeft + button.offsetWidth / 2,
      button.offsetTop + button.offsetHeight,
      h("b", {}, `It is ${classNames(model.run.data)[labelAt(model, index)]}`),
      h("div", { class: "bars" }, ...barRows(answers, classNames(model.run.data))),
      h("div", { class: "faint" }, "click: put it on the pad"),
    );
  }
  function build(): void {
    tiles = (model.images?.shown ?? []).map((_, index) => makeTile(index, pick, showHover, () => closeHover(hover)));
    list.replaceChildren(...tiles.map(({ button }) => h("li", {}, button)));
  }
  const closeHover = (card: HoverCard): void => {
    open = null;
    card.hide();
  };
  return {
    element,
    update() {
      if (model.images === null) return;
      if (drawn !== model.images) build();
      if (drawn !== model.images || drawnPaint !== model.paint) {
        for (const [i, { canvas }] of tiles.entries()) {
          paintPicture(canvas, pictureAt(model, i), model.images.test.pixels);
        }
      }
      [drawn, drawnPaint] = [model.images, model.paint];
      say(title, `Twelve ${imageWord(model.run.data)} neither has seen`);
      for (const [i, tile] of tiles.entries()) updateTile(model, tile, i, (name) => probabilities(name, i));
      if (open !== null && hover.open) showHover(open);
    },
  };
}

function makeTile(
  index: number,
  pick: (index: number) => void,
  enter: (index: number) => void,
  leave: () => void,
): Tile {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const answers = { a: h("span", { class: "answer blue" }, "–"), b: h("span", { class: "answer red" }, "–") };
  const button = h(
    "button",
    {
      type: "button",
      onclick: () => pick(index),
      onpointerenter: () => enter(index),
      onpointerleave: leave,
      onfocus: () => enter(index),
      onblur: leave,
    },
    canvas,
    answers.a,
    answers.b,
  );
  return { button, canvas, answers };
}

function updateTile(model: Model, tile: Tile, index: number, probabilities: (name: Name) => Float32Array | null): void {
  const classes = classNames(model.run.data);
  const names = namesOf(model.run);
  const right = labelAt(model, index);
  const words = both.map((name) => {
    const found = probabilities(name);
    const span = tile.answers[name];
    if (found === null) {
      say(span, "–");
      return `${names[name]}: nothing yet`;
    }
    const best = top(found);
    say(span, `${classes[best]!.slice(0, 5)} ${best === right ? "✓" : "✗"}`);
    // Small text has to stay readable: faint, but never under 4.5 : 1.
    span.style.opacity = String(0.82 + 0.18 * found[best]!);
    span.style.fontWeight = found[best]! > 0.5 ? "700" : "400";
    return `${names[name]}: ${classes[best]}, ${best === right ? "right" : "wrong"}, ${percent(found[best]!)} sure`;
  });
  mark(tile.button, "aria-label", `A ${classes[right]}. ${words.join(". ")}. Put it on the pad.`);
  mark(tile.button, "aria-pressed", String(model.digit === index));
}

/** One of the shown images, values 0 … 1. */
function pictureAt({ images }: Model, index: number): Float32Array {
  const { test, shown } = images!;
  const size = test.pixels ** 2;
  const at = shown[index]! * size;
  return Float32Array.from(test.images.subarray(at, at + size), (value) => value / 255);
}

function labelAt({ images }: Model, index: number): number {
  return images!.test.labels[images!.shown[index]!]!;
}
