/** The steppers (another pixel, another input) and the switch of the shortcut. */
/// <reference lib="dom" />
import { h } from "./dom.ts";
import { tourState } from "./program.ts";
import { written } from "./words.ts";
import { moved, stepped, type World } from "./world.ts";

/** Controls in the page. */
export interface Controls {
  readonly element: HTMLElement;
  update(): void;
}

/** The controls of a world. */
export function controlsOf(world: World): Controls {
  const state = () => world.scene.state;
  const row = stepper("row", (by) => world.change(moved(state(), by, 0)));
  const column = stepper("column", (by) => world.change(moved(state(), 0, by)));
  const pixel = stepper("value of the pixel", (by) => world.change(stepped(state(), "pixel", by)));
  const tap = stepper("middle tap", (by) => world.change(stepped(state(), "tap", by / 2)));
  const cut = h(
    "button",
    { type: "button", class: "tour-switch", role: "switch", onclick: () => world.change({ cut: !state().cut }) },
    "shortcut",
  );
  const reset = h("button", { type: "button", class: "tour-reset", onclick: () => world.reset() }, "as in the text");
  const element = h("div", {
    class: "tour-controls",
    role: "group",
    "aria-label": "Another pixel, another input, and the shortcut",
  });
  element.append(row.element, column.element, pixel.element, tap.element, cut, reset);
  const update = (): void => {
    const { image, filter, row: r, column: c, cut: isCut } = state();
    row.show(String(r + 1), r > 0, r < 3);
    column.show(String(c + 1), c > 0, c < 3);
    pixel.show(written(image[r][c]), image[r][c] > -9, image[r][c] < 9);
    tap.show(written(filter[1][1]), filter[1][1] > -9, filter[1][1] < 9);
    cut.setAttribute("aria-checked", String(!isCut));
    const asInText = JSON.stringify(state()) === JSON.stringify(tourState);
    reset.setAttribute("aria-disabled", String(asInText));
  };
  update();
  return { element, update };
}

/** − value +. At an end the button says so and does nothing, but keeps the focus. */
function stepper(
  name: string,
  step: (by: number) => void,
): { element: HTMLElement; show(value: string, down: boolean, up: boolean): void } {
  const button = (words: string, sign: string, by: number): HTMLButtonElement => {
    const made: HTMLButtonElement = h(
      "button",
      {
        type: "button",
        "aria-label": `${sign} ${name}: ${words}`,
        onclick: () => {
          if (made.getAttribute("aria-disabled") !== "true") step(by);
        },
      },
      sign,
    );
    return made;
  };
  const less = button("one step down", "−", -1);
  const more = button("one step up", "+", 1);
  const value = h("output", {});
  const element = h(
    "span",
    { class: "tour-stepper", role: "group", "aria-label": name },
    `${name} `,
    less,
    value,
    more,
  );
  return {
    element,
    show(text, down, up) {
      value.textContent = text;
      less.setAttribute("aria-disabled", String(!down));
      more.setAttribute("aria-disabled", String(!up));
    },
  };
}
