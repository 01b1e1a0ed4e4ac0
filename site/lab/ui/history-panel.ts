/** Every layer, every step: two strips, and "go there". */
import { drawHistory, type HistoryData, hitHistory, Strip } from "../draw/history.ts";
import type { Store } from "../store.ts";
import { cells, describe, figure } from "./figure.ts";
import { h } from "./h.ts";
import { type Actions, both, type Model, namesOf, type Panel } from "./model.ts";
import { short } from "./words.ts";

/** A strip and how far it has read its store. */
interface Reader {
  strip: Strip | null;
  of: Store | null;
  last: number;
}

/** Adds what is new in the store, up to step `end` (not included). */
function read(reader: Reader, store: Store | null, end: number): Strip | null {
  if (store !== reader.of)
    Object.assign(reader, { of: store, strip: store === null ? null : new Strip(store.layers), last: -1 });
  if (store === null) return null;
  let from = store.length;
  while (from > 0 && store.rowStep(from - 1) > reader.last) from--;
  for (let i = from; i < store.length && store.rowStep(i) < end; i++) {
    reader.last = store.rowStep(i);
    reader.strip!.add(reader.last, store.row(i));
  }
  return reader.strip;
}

export function historyPanel(model: Model, actions: Actions): Panel {
  const readers = {
    a: { strip: null, of: null, last: -1 } as Reader,
    b: { strip: null, of: null, last: -1 } as Reader,
  };
  let hover: HistoryData["hover"] = null;
  const data = (): HistoryData => ({
    a: read(readers.a, model.stores.a, model.step),
    b: read(readers.b, model.stores.b, model.step),
    names: namesOf(model.run),
    hover,
  });
  const parts = figure({
    name: "history",
    title: "Every layer, every step",
    caption: "Bright: much gradient, dark: none, beside the last layer's. A click goes to that step.",
    className: "lab-history",
    canvasClass: "medium",
    draw: (pen, size, paint) => drawHistory(data(), size, paint, pen),
    table: () => {
      const names = namesOf(model.run);
      const strips = data();
      const first = strips.a ?? strips.b;
      const every = Math.max(1, Math.ceil((first?.columns ?? 0) / 60)) * (first?.stepsPerColumn ?? 1);
      const count = Math.floor(model.step / every);
      return {
        columns: ["step", ...both.flatMap((name) => [`${names[name]}: first layer`, "middle"])],
        rows: Array.from({ length: count }, (_, i) => [
          i * every,
          ...both.flatMap((name) => {
            const strip = strips[name];
            return [0, Math.floor((strip?.layers ?? 0) / 2)].map((layer) =>
              short(strip?.at(i * every, layer) ?? Number.NaN),
            );
          }),
        ]),
      };
    },
  });
  const { screen, hover: card } = parts;
  screen.element.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const hit = hitHistory(data(), screen.size, offsetX, offsetY);
    hover = hit;
    screen.stale = true;
    if (hit === null) return card.close();
    const names = namesOf(model.run);
    card.show(
      offsetX,
      offsetY,
      h("b", {}, `${names[hit.side]}, step ${hit.step}`),
      h("table", {}, cells(`layer ${hit.layer + 1}`, `${short(hit.value)} of the last`)),
      h("div", { class: "faint" }, "click: go to this step"),
    );
  });
  screen.element.addEventListener("pointerleave", () => {
    hover = null;
    screen.stale = true;
    card.hide();
  });
  screen.element.addEventListener("click", ({ offsetX, offsetY }) => {
    const hit = hitHistory(data(), screen.size, offsetX, offsetY);
    if (hit !== null) actions.goTo(hit.step);
  });
  const to = h("input", { type: "number", min: 0, max: 100000, step: 1, value: 100, "aria-label": "Step to go to" });
  const form = h(
    "form",
    {
      class: "row",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        actions.goTo(Math.max(0, Math.round(Number(to.value))));
      },
    },
    h("label", { class: "row quiet" }, "step", to),
    h("button", { class: "small", type: "submit" }, "Go there"),
  );
  to.style.width = "84px";
  parts.caption.after(form);
  return {
    element: parts.element,
    screen,
    update: () =>
      describe(
        screen.element,
        `Two strips of the gradient at every layer, up to step ${model.step}: the numbers are in the table.`,
      ),
    draw: () => screen.paint((pen, size, paint) => drawHistory(data(), size, paint, pen), model.paint),
  };
}
