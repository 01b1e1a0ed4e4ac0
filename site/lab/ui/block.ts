/** The chosen block: what it is, what passes its shortcut, what it looks like inside, and the knives. */
import { drawTiles } from "../draw/tiles.ts";
import type { BlockDetail, Tiles } from "../protocol.ts";
import { productWords } from "./diagram-panel.ts";
import { type Screen, screen } from "./figure.ts";
import { h, mark, say } from "./h.ts";
import { type Actions, type Model, namesOf, type Panel, stageRange } from "./model.ts";
import { percent, short } from "./words.ts";

const sets = [
  ["filters", "filters of its first convolution"],
  ["activations", "what it makes of the digit"],
  ["gradients", "gradient that arrives there"],
] as const;

export function blockPanel(model: Model, actions: Actions): Panel & { readonly screens: readonly Screen[] } {
  const title = h("h2", { id: "lab-block-title" });
  const facts = h("div", { class: "facts" });
  const certificate = h("p", { class: "quiet" });
  const share = h("i");
  const shareRow = h("p", {}, h("span", { class: "share" }, share), " ", h("span"));
  const lines = { reason: h("p"), update: h("p"), lesion: h("p") };
  facts.append(lines.reason, shareRow, lines.update, lines.lesion);
  const cut = (part: "shortcut" | "branch" | "none", range: "chosen" | "stage" | "all") => (): void => {
    const found = rangeOf(model, range);
    if (found !== null) actions.cut(found.side, found.first, found.last, part);
  };
  const buttons = {
    shortcut: h(
      "button",
      {
        class: "main",
        type: "button",
        "aria-keyshortcuts": "S",
        onclick: cut("shortcut", "chosen"),
      },
      "Cut its shortcut",
    ),
    branch: h(
      "button",
      { type: "button", "aria-keyshortcuts": "B", onclick: cut("branch", "chosen") },
      "Cut its branch",
    ),
    stage: h("button", { type: "button", onclick: cut("shortcut", "stage") }, "Cut the stage"),
    all: h("button", { type: "button", onclick: cut("shortcut", "all") }, "Cut all"),
    rejoin: h("button", { type: "button", "aria-keyshortcuts": "J", onclick: cut("none", "chosen") }, "Rejoin"),
    rejoinAll: h("button", { type: "button", onclick: cut("none", "all") }, "Rejoin all"),
  };
  const other = h(
    "button",
    { class: "small push", type: "button", onclick: () => switchSide(model, actions) },
    "show the lower network's",
  );
  const screens = sets.map(() => screen("tiles"));
  const tiles = h("div", { class: "tiles" }, ...screens.map(({ element }) => element));
  const element = h(
    "section",
    { class: "lab-block", "aria-labelledby": "lab-block-title", "data-place": "block" },
    h("div", { class: "head" }, title, other),
    facts,
    h("div", { class: "row" }, ...Object.values(buttons)),
    tiles,
    certificate,
  );
  const update = (): void => {
    const side = model.chosen?.side ?? "a";
    const { network, certificate: proof, shares, detail } = model.sides[side];
    const blocks = network?.blocks ?? [];
    const first = model.chosen?.first ?? 0;
    const row = blocks[first];
    const several = model.chosen !== null && model.chosen.last > first;
    if (row === undefined) {
      say(title, "Chosen block");
      return;
    }
    say(
      title,
      several
        ? `Blocks ${first + 1} to ${model.chosen!.last + 1} of ${blocks.length}`
        : `Block ${first + 1} of ${blocks.length} · ${row.path} · ${row.inChannels} → ${row.outChannels} channels`,
    );
    say(other, side === "a" ? "show the lower network's" : "show the upper network's");
    const of = proof?.blocks[first];
    say(
      lines.reason,
      of === undefined
        ? `${namesOf(model.run)[side]}; shortcut: ${row.shortcut}`
        : of.kind === "none"
          ? `Nothing certified: ${of.reason}`
          : `Certified, ${of.kind}: ${of.reason}`,
    );
    updateShare(
      shareRow,
      share,
      row.cut === "shortcut" || row.shortcut === "none" ? Number.NaN : (shares?.[first] ?? Number.NaN),
    );
    const own = detail !== null && detail.index === first ? detail : null;
    say(
      lines.update,
      own === null || own.updateRatios.length === 0
        ? ""
        : `Its weights change by ${own.updateRatios.map(short).join(" and ")} of their size in a step.`,
    );
    say(
      lines.lesion,
      own?.lesion ? `Without this block: ${percent(own.lesion.whole)} → ${percent(own.lesion.without)} right.` : "",
    );
    updateButtons(
      buttons,
      row.cut,
      row.shortcut,
      several,
      blocks.length,
      blocks.some((block) => block.cut !== "none"),
    );
    mark(tiles, "data-empty", own === null);
    say(certificate, proof === null ? "" : `${proof.summary} ${productWords(proof.product, blocks.length)}`);
  };
  return {
    element,
    screens,
    update,
    draw() {
      const detail = currentDetail(model);
      if (detail === null) return;
      screens.forEach((one, i) => {
        const [key, words] = sets[i]!;
        if (one.visible)
          one.paint(
            (pen, size, paint) => drawTiles({ tiles: detail[key] as Tiles, title: words }, size, paint, pen),
            model.paint,
          );
      });
    },
  };
}

function currentDetail(model: Model): BlockDetail | null {
  const detail = model.sides[model.chosen?.side ?? "a"].detail;
  return detail !== null && detail.index === model.chosen?.first ? detail : null;
}

function updateShare(row: HTMLElement, bar: HTMLElement, share: number): void {
  row.hidden = Number.isNaN(share);
  bar.style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  say(row.lastElementChild as HTMLElement, `${percent(share)} of the gradient comes over the shortcut`);
}

function updateButtons(
  buttons: Readonly<Record<"shortcut" | "branch" | "stage" | "all" | "rejoin" | "rejoinAll", HTMLButtonElement>>,
  cut: string,
  shortcut: string,
  several: boolean,
  count: number,
  anyCut: boolean,
): void {
  say(buttons.shortcut, several ? "Cut these shortcuts" : "Cut its shortcut");
  say(buttons.branch, several ? "Cut these branches" : "Cut its branch");
  say(buttons.all, `Cut all ${count}`);
  const none = shortcut === "none";
  for (const key of ["shortcut", "stage", "all"] as const) buttons[key].disabled = none;
  buttons.branch.disabled = none;
  if (!several && cut === "shortcut") buttons.shortcut.disabled = true;
  if (!several && cut === "branch") buttons.branch.disabled = true;
  buttons.rejoin.hidden = !several && cut === "none";
  buttons.rejoinAll.hidden = !anyCut;
  mark(buttons.shortcut, "title", none ? "This network has no shortcuts to cut." : false);
}

/** The blocks that a button means. */
export function rangeOf(
  model: Model,
  range: "chosen" | "stage" | "all",
): { side: "a" | "b"; first: number; last: number } | null {
  const { side, first, last } = model.chosen ?? { side: "a" as const, first: 0, last: 0 };
  const blocks = model.sides[side].network?.blocks ?? [];
  if (blocks.length === 0) return null;
  if (range === "chosen") return { side, first, last };
  if (range === "all") return { side, first: 0, last: blocks.length - 1 };
  return { side, ...stageRange(blocks, blocks[first]!.stage)! };
}

function switchSide(model: Model, actions: Actions): void {
  const { side, first, last } = model.chosen ?? { side: "a", first: 0, last: 0 };
  actions.choose(side === "a" ? "b" : "a", first, last);
}
