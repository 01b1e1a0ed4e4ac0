/** A quantity as a grid of buttons: one stop for the Tab key, arrow keys inside. */
/// <reference lib="dom" />
import { h } from "./dom.ts";
import type { Cell, Quantity } from "./scene.ts";
import { written } from "./words.ts";
import type { World } from "./world.ts";

/** A grid in the page. */
export interface Grid {
  readonly element: HTMLElement;
  /** Shows the numbers and the light of the world as they are now. */
  update(changed: boolean): void;
}

/** The label of a number in words: what it is, its value, and how it was computed. */
export function labelOf({ name, value, formula }: Cell): string {
  return `${written(value)}: ${name}. ${formula}`;
}

/** The grid of quantity `id`. */
export function gridOf(world: World, id: string): Grid {
  const title = h("span", { class: "tour-symbol" });
  const cells = h("div", { class: "tour-cells", role: "group" });
  const element = h("div", { class: "tour-grid", "data-quantity": id }, title, cells);
  let buttons: HTMLButtonElement[] = [];
  let entry = 0;

  const enter = (i: number): void => {
    entry = i;
    buttons.forEach((button, k) => {
      button.tabIndex = k === i ? 0 : -1;
    });
  };
  const make = (i: number): HTMLButtonElement =>
    h("button", {
      type: "button",
      class: "tour-number",
      onpointerenter: () => world.point(`${id}/${i}`),
      onpointerleave: () => world.point(null),
      onfocus: () => {
        enter(i);
        world.point(`${id}/${i}`);
      },
      onblur: () => world.point(null),
      onclick: () => world.pin(`${id}/${i}`),
    });
  cells.addEventListener("keydown", (event) => {
    const to = neighbour(world.scene.quantities.get(id)!, entry, event.key);
    if (to === null) return;
    event.preventDefault();
    buttons[to].focus();
  });

  const update = (changed: boolean): void => {
    const quantity = world.scene.quantities.get(id)!;
    if (changed) {
      if (buttons.length !== quantity.cells.length) {
        buttons = quantity.cells.map((_, i) => make(i));
        cells.replaceChildren(...buttons);
        const ours = quantity.cells.findIndex(({ here }) => here);
        enter(Math.max(0, ours));
      }
      title.textContent = quantity.symbol;
      cells.setAttribute("aria-label", `${quantity.symbol}; arrow keys move`);
      cells.style.setProperty("--tour-columns", String(quantity.columns));
    }
    buttons.forEach((button, i) => {
      show(button, quantity.cells[i], world, changed);
    });
  };
  update(true);
  return { element, update };
}

function show(button: HTMLButtonElement, cell: Cell, world: World, changed: boolean): void {
  if (changed) {
    button.textContent = written(cell.value);
    button.setAttribute("aria-label", labelOf(cell));
    button.classList.toggle("is-here", cell.here);
    button.dataset["cell"] = cell.key;
  }
  const lit = world.lit === null ? undefined : world.scene.cells.get(world.lit);
  button.classList.toggle("is-lit", lit?.key === cell.key);
  button.classList.toggle("is-from", lit?.sources.includes(cell.key) ?? false);
  button.classList.toggle("is-to", lit?.targets.includes(cell.key) ?? false);
  button.setAttribute("aria-pressed", String(world.pinned === cell.key));
}

/** Where an arrow key leads in a grid, Home and End too; null for other keys and at the edge. */
export function neighbour({ rows, columns }: Quantity, i: number, key: string): number | null {
  const [row, column] = [Math.floor(i / columns), i % columns];
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [0, 0],
    End: [rows - 1, columns - 1],
  };
  const to = Object.hasOwn(steps, key) ? steps[key] : null;
  if (to === null || to[0] < 0 || to[0] >= rows || to[1] < 0 || to[1] >= columns) return null;
  return to[0] * columns + to[1];
}
