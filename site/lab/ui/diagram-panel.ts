/**
 * The diagram of one network, where blocks are chosen and cut. A canvas draws it; over it lies a list box of transparent
 * options with one tab stop, so that the keyboard and a screen reader have the same network.
 */
import {
  type DiagramData,
  type DiagramLayout,
  diagramLayout,
  drawDiagram,
  hitDiagram,
  type Part,
} from "../draw/diagram.ts";
import type { Name } from "../state.ts";
import { hoverCard, screen } from "./figure.ts";
import type { FlowReader } from "./flow-panel.ts";
import { h, mark } from "./h.ts";
import { type Actions, type Model, namesOf, type Panel, stageRange } from "./model.ts";
import { percent, short } from "./words.ts";

/** Pixels a second at which dashes move toward the image. It encodes nothing. */
const DASH_SPEED = 26;

export function diagramPanel(model: Model, name: Name, actions: Actions, reader: FlowReader): Panel {
  const view = screen("diagram");
  mark(view.element, "aria-hidden", "true");
  const list = h("div", {
    role: "listbox",
    tabindex: 0,
    "aria-multiselectable": "true",
    "aria-orientation": "horizontal",
  });
  const stage = h("div", { class: "stage blocks" }, view.element, list);
  const card = hoverCard(stage);
  const state = {
    layout: null as DiagramLayout | null,
    network: null as unknown,
    width: 0,
    hover: null as { block: number; part: Part } | null,
    drag: null as { from: number; part: Part; moved: boolean } | null,
    anchor: 0,
    options: [] as HTMLElement[],
  };

  function layout(): DiagramLayout | null {
    const { network } = model.sides[name];
    if (network === null || view.size.width === 0) return null;
    if (state.network !== network || state.width !== view.size.width) {
      state.layout = diagramLayout(network, name, view.size);
      [state.network, state.width] = [network, view.size.width];
      buildOptions(state.layout);
    }
    return state.layout;
  }
  function buildOptions({ blocks }: DiagramLayout): void {
    if (state.options.length !== blocks.length) {
      state.options = blocks.map((_, i) => h("div", { role: "option", id: `lab-${name}-block-${i}` }));
      list.replaceChildren(...state.options);
    }
    blocks.forEach(({ left, right }, i) => {
      Object.assign(state.options[i]!.style, { left: `${left}px`, width: `${Math.max(2, right - left)}px` });
    });
  }
  const chosen = (): readonly [number, number] | null =>
    model.chosen?.side === name ? [model.chosen.first, model.chosen.last] : null;
  const data = (phase: number | null): DiagramData => {
    const flow = reader.gradient(name);
    const side = model.sides[name];
    return {
      norms: flow?.median ?? null,
      shares: side.shares,
      kinds: side.certificate?.blocks.map(({ kind }) => kind) ?? null,
      lambda: model.run[name].shortcut === "scale" ? model.run[name].lambda : null,
      bottom: model.view === "gradient" ? reader.read().axis.bottom : -10,
      chosen: chosen(),
      hover: state.hover,
      phase,
    };
  };

  const hit = ({ offsetX, offsetY }: PointerEvent): { block: number; part: Part } | null => {
    const places = layout();
    return places === null ? null : hitDiagram(places, offsetX, offsetY);
  };
  const canvas = view.element;
  canvas.addEventListener("pointerdown", (event) => {
    const found = hit(event);
    if (found === null || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    state.drag = { from: found.block, part: found.part, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    const found = hit(event);
    state.hover = found;
    view.stale = true;
    if (found === null) return card.hide();
    if (state.drag !== null && (found.block !== state.drag.from || state.drag.moved)) {
      state.drag.moved = true;
      actions.choose(name, Math.min(state.drag.from, found.block), Math.max(state.drag.from, found.block));
    }
    const place = layout()!.blocks[found.block]!;
    card.show(
      place.middle,
      name === "a" ? view.size.height : -70,
      ...hoverWords(model, name, found, event.pointerType === "touch"),
    );
  });
  canvas.addEventListener("pointerup", (event) => {
    const drag = state.drag;
    state.drag = null;
    if (drag === null || drag.moved) return;
    const row = model.sides[name].network?.blocks[drag.from];
    if (row === undefined) return;
    actions.choose(name, drag.from, drag.from);
    state.anchor = drag.from;
    // A finger only chooses: it is too wide for an arc. Buttons act.
    if (drag.part === "shortcut" && event.pointerType !== "touch")
      actions.cut(name, drag.from, drag.from, row.cut === "shortcut" ? "none" : "shortcut");
  });
  canvas.addEventListener("pointerleave", () => {
    state.hover = null;
    view.stale = true;
    card.hide();
  });
  list.addEventListener("keydown", (event) => {
    if (onKey(event, model, name, state, actions)) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  list.addEventListener("focus", () => {
    if (chosen() === null && state.options.length > 0) actions.choose(name, 0, 0);
  });
  return {
    element: stage,
    screen: view,
    moves: true,
    update: () => {
      // Without arcs the diagram needs less room.
      mark(
        view.element,
        "data-bare",
        model.sides[name].network?.blocks.every(({ shortcut }) => shortcut === "none") ?? name === "b",
      );
      updateOptions(model, name, list, state.options);
    },
    draw(_, time) {
      const places = layout();
      if (places === null) return;
      const phase = model.playing && !model.reducedMotion ? (time / 1000) * DASH_SPEED : null;
      view.paint((pen, _size, paint) => drawDiagram(data(phase), places, paint, pen), model.paint);
    },
  };
}

function hoverWords(
  model: Model,
  name: Name,
  { block, part }: { block: number; part: Part },
  touch: boolean,
): (Node | string)[] {
  const row = model.sides[name].network!.blocks[block]!;
  const cut = row.cut === "shortcut";
  const act = touch || part === "branch" ? "choose this block" : cut ? "rejoin this shortcut" : "cut this shortcut";
  return [h("b", {}, `Block ${block + 1}, ${row.path}`), h("div", {}, `${touch ? "" : "click to "}${act}`)];
}

/** Arrow keys choose, Shift extends, 1–3 a stage; S, B and J cut and rejoin. Whether the key was one of them. */
function onKey(event: KeyboardEvent, model: Model, name: Name, state: { anchor: number }, actions: Actions): boolean {
  const blocks = model.sides[name].network?.blocks ?? [];
  if (blocks.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
  const chosen = model.chosen?.side === name ? model.chosen : { first: 0, last: 0 };
  const inside = (value: number): number => Math.max(0, Math.min(blocks.length - 1, value));
  const head = chosen.first === state.anchor ? chosen.last : chosen.first;
  const to = {
    ArrowLeft: head - 1,
    ArrowRight: head + 1,
    ArrowUp: head - 1,
    ArrowDown: head + 1,
    Home: 0,
    End: blocks.length - 1,
  }[event.key];
  if (to !== undefined) {
    if (!event.shiftKey) state.anchor = inside(to);
    actions.choose(name, Math.min(state.anchor, inside(to)), Math.max(state.anchor, inside(to)));
    return true;
  }
  const part = ({ s: "shortcut", b: "branch", j: "none" } as const)[event.key.toLowerCase() as "s"];
  if (part !== undefined) {
    actions.cut(name, chosen.first, chosen.last, part);
    return true;
  }
  const range = stageRange(blocks, Number(event.key) - 1);
  if (range === null) return false;
  state.anchor = range.first;
  actions.choose(name, range.first, range.last);
  return true;
}

function updateOptions(model: Model, name: Name, list: HTMLElement, options: readonly HTMLElement[]): void {
  const { network, certificate, shares } = model.sides[name];
  mark(
    list,
    "aria-label",
    `Blocks of the network ${namesOf(model.run)[name]}, image first. Arrows choose, Shift extends, 1 to 3 a stage; S cuts shortcuts, B branches, J rejoins.`,
  );
  const chosen = model.chosen?.side === name ? model.chosen : null;
  options.forEach((option, i) => {
    const row = network?.blocks[i];
    if (row === undefined) return;
    const active = chosen !== null && i >= chosen.first && i <= chosen.last;
    mark(option, "aria-selected", String(active));
    mark(option, "data-active", active);
    const share = shares?.[i];
    const words = [
      `Block ${i + 1} of ${options.length}, ${row.path}, ${row.outChannels} channels`,
      row.shortcut === "none" ? "no shortcut" : `shortcut ${row.shortcut}`,
      row.cut === "none" ? null : `${row.cut} cut`,
      share === undefined || Number.isNaN(share) ? null : `${percent(share)} of the gradient over the shortcut`,
      certificate?.blocks[i] === undefined ? null : `certified: ${certificate.blocks[i].kind}`,
    ];
    mark(option, "aria-label", words.filter((part) => part !== null).join(", "));
  });
  mark(list, "aria-activedescendant", chosen === null ? false : `lab-${name}-block-${chosen.last}`);
}

/** "all 36 shortcuts together leave 1.5·10⁻¹¹", if the certificate proves a product. */
export function productWords(product: number | null, blocks: number): string {
  if (product === null) return "";
  if (product === 1) return `All ${blocks} shortcuts together pass the whole gradient on.`;
  return `All ${blocks} shortcuts together leave at least ${short(product)} of the gradient.`;
}
