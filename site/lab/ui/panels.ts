/** All panels of the page in the order of the tab key: training first, then from top to bottom. */
import type { Duo } from "../duo.ts";
import { blockPanel } from "./block.ts";
import { card } from "./card.ts";
import { diagramPanel } from "./diagram-panel.ts";
import { digitsPanel } from "./digits.ts";
import { flowPanel, flowReader } from "./flow-panel.ts";
import { h } from "./h.ts";
import { historyPanel } from "./history-panel.ts";
import { lossPanel } from "./loss-panel.ts";
import { type Actions, classNames, type Model, type Panel } from "./model.ts";
import { type MoreHost, morePanel } from "./more.ts";
import { pad } from "./pad.ts";
import { presetsRow } from "./presets-row.ts";
import { settings } from "./settings.ts";
import { transport } from "./transport.ts";
import { type WalkHost, walkCard } from "./walk-card.ts";

export interface Panels {
  /** What the page's element has as children. */
  readonly elements: readonly HTMLElement[];
  readonly all: readonly Panel[];
  /** Repaints what no panel draws each frame. */
  repaint(): void;
}

export function buildPanels(model: Model, actions: Actions, duo: Duo, host: WalkHost & Pick<MoreHost, "link">): Panels {
  const reader = flowReader(model);
  const diagrams = { a: diagramPanel(model, "a", actions, reader), b: diagramPanel(model, "b", actions, reader) };
  const flow = flowPanel(model, actions, reader, { a: diagrams.a.element, b: diagrams.b.element });
  const board = pad({
    pixels: () => model.run.pixels,
    classes: () => classNames(model.run.data),
    read: async (picture, saliency) => {
      if (duo.run === null || model.sides.a.network === null) return [null, null];
      const { a, b } = await duo.read(picture, saliency).catch(() => ({ a: null, b: null }));
      return [a, b];
    },
    add: (picture, label) => duo.add(picture, label),
  });
  board.repaint();
  const cards = [card("a", reader.factor, actions), card("b", reader.factor, actions)];
  const form = settings(model, actions);
  const bar = transport(actions, form.open);
  const head = walkCard(actions, host);
  const presets = presetsRow(actions);
  const loss = lossPanel(model);
  const history = historyPanel(model, actions);
  const digits = digitsPanel(model, actions, board.show);
  const block = blockPanel(model, actions);
  const more = morePanel(model, { duo, link: host.link });
  let renewed = 0;
  const drawing: Panel = {
    element: board.element,
    update: () => {
      // The networks learn on: what they say of the drawing is asked again once a second.
      if (!model.playing || performance.now() - renewed < 1000) return;
      renewed = performance.now();
      board.renew();
    },
  };
  const row = h("div", { class: "cards" }, ...cards.map(({ element }) => element));
  return {
    elements: [bar, form, head, presets]
      .map(({ element }) => element)
      .concat(
        row,
        [flow, loss, history, digits, block, drawing, more].map(({ element }) => element),
      ),
    all: [
      bar,
      form,
      head,
      presets,
      ...cards,
      diagrams.a,
      diagrams.b,
      flow,
      loss,
      history,
      digits,
      block,
      drawing,
      more,
    ],
    repaint: () => {
      board.repaint();
      for (const screen of block.screens) screen.stale = true;
    },
  };
}
