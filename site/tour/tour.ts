/**
 * The figures of the tour (docs/tour.md): each number of the computation is a button that lights the numbers it came from and those
 * it goes to. page.ts puts their elements into the page, parts.ts says what each shows, scene.ts computes it.
 */
/// <reference lib="dom" />
import { controlsOf } from "./controls.ts";
import { h } from "./dom.ts";
import { gridOf } from "./grid.ts";
import type { FigureName } from "./page.ts";
import { parts } from "./parts.ts";
import { World } from "./world.ts";

/** The world of the figures that are in the page now; the last one to leave ends it. */
let shared: World | null = null;

/**
 * Puts figure `name` of the tour into `element`, whose own content (the code) is hidden meanwhile. The figures of a page share their
 * state. Returns the function that takes it out again.
 *
 * @throws Error for a name that is no figure's.
 */
export function mountTour(element: HTMLElement, name: string): () => void {
  if (!Object.hasOwn(parts, name))
    throw new Error(`mountTour: no figure "${name}"; figures are ${Object.keys(parts).join(", ")}`);
  const part = parts[name as FigureName];
  shared ??= new World();
  const world = shared;
  const grids = part.quantities.map((id) => gridOf(world, id));
  const controls = part.controls ? controlsOf(world) : null;
  const said = h("p", { class: "tour-said" }); // Not live: the label of the focused number says the same.
  const title = h("p", { class: "tour-title" }, part.title);
  const row = h("div", { class: "tour-row" }, ...grids.map((grid) => grid.element));
  const figure = h("div", { class: "tour", role: "group", "aria-label": part.title }, title);
  if (controls) figure.append(controls.element);
  figure.append(row, said);
  figure.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    world.point(null);
    if (world.pinned !== null) world.pin(null);
  });
  const update = (changed: boolean): void => {
    for (const grid of grids) grid.update(changed);
    if (changed) controls?.update();
    const words = sentence(world, part.quantities);
    if (said.textContent !== words) said.textContent = words;
  };
  const end = world.watch(update);
  update(true);
  element.append(figure);
  element.classList.add("is-live");
  return () => {
    end();
    figure.remove();
    element.classList.remove("is-live");
    if (world.watched === 0 && shared === world) shared = null;
  };
}

/** What a figure says: the formula of the lit number if it shows it, else what to do. */
function sentence(world: World, quantities: readonly string[]): string {
  const lit = world.lit === null ? undefined : world.scene.cells.get(world.lit);
  if (lit && quantities.includes(lit.key.split("/")[0])) return `${lit.name}: ${lit.formula}`;
  const { cut } = world.scene.state;
  return `${cut ? "The shortcut is cut: y = relu(F(x)). " : ""}Point at a number, or tap it, to see where it came from and where it goes.`;
}

/** `mountTour` for every element with `data-tour` inside `root`. Returns the function that takes all of them out again. */
export function mountTours(root: ParentNode): () => void {
  const ends = [...root.querySelectorAll<HTMLElement>("[data-tour]")].map((element) =>
    mountTour(element, element.dataset["tour"]!),
  );
  return () => {
    for (const end of ends) end();
  };
}
