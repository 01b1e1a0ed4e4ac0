/** What the duo tells goes into the model. */
import type { Duo } from "../duo.ts";
import { DEFAULT_RUN, type Name } from "../state.ts";
import { type Actions, both, type Model, type SideModel, sideTitle } from "./model.ts";
import type { Notices } from "./notices.ts";
import { currentPaint } from "./paint.ts";

/** A page that knows nothing yet. */
export function newModel(duo: Duo): Model {
  const side = (name: Name): SideModel => ({
    name,
    network: null,
    certificate: null,
    tested: null,
    shares: null,
    detail: null,
    failed: null,
  });
  return {
    run: DEFAULT_RUN,
    sides: { a: side("a"), b: side("b") },
    get stores() {
      return duo.stores;
    },
    images: null,
    paint: currentPaint(),
    step: 0,
    status: "idle",
    playing: false,
    pace: "opening",
    view: "gradient",
    picked: false,
    chosen: null,
    digit: 0,
    walk: null,
    speed: 0,
    reducedMotion: matchMedia("(prefers-reduced-motion: reduce)").matches,
  };
}

/** What was known of the networks that are gone. Their pictures stay until the new ones are there. */
export function forget(model: Model): void {
  for (const name of both) Object.assign(model.sides[name], { tested: null, shares: null, detail: null, failed: null });
}

/** What the duo tells goes into the model. `changed` hears of it, with `now` where it answers what the reader did. */
export function listen(
  duo: Duo,
  model: Model,
  notes: Notices,
  actions: Actions,
  changed: (now?: boolean) => void,
): void {
  duo.on("start", ({ run }) => {
    model.run = run;
    forget(model);
    changed(true);
  });
  const known = ({
    name,
    network,
    certificate,
  }: {
    name: Name;
    network: SideModel["network"];
    certificate: SideModel["certificate"];
  }): void => {
    Object.assign(model.sides[name], { network, certificate });
    const count = network?.blocks.length ?? 0;
    // Some block is always open: the middle one, unless the reader has chosen.
    if (name === "a" && count > 0 && (!model.picked || (model.chosen?.last ?? 0) >= count)) {
      const middle = Math.floor((count - 1) / 2);
      model.chosen = { side: "a", first: middle, last: middle };
      duo.watch({ block: middle });
    }
    changed(true);
  };
  duo.on("ready", known);
  duo.on("changed", (told) => {
    // What was measured before a cut, or of other weights, is no longer true.
    model.sides[told.name].tested = null;
    known(told);
  });
  duo.on("rows", () => changed());
  duo.on("tested", (tested) => {
    model.sides[tested.name].tested = tested;
    changed();
  });
  duo.on("shares", ({ name, shares }) => {
    model.sides[name].shares = shares;
    changed();
  });
  duo.on("block", ({ name, block }) => {
    model.sides[name].detail = block;
    changed();
  });
  duo.on("failed", ({ name, step, message }) => {
    model.sides[name].failed = { step, message };
    actions.announce(`${sideTitle(model.run, name)} stopped at step ${step}: ${message}`);
    changed();
  });
  duo.on("event", ({ run }) => {
    model.run = run;
    changed(true);
  });
  duo.on("status", ({ status }) => {
    model.status = status;
    model.playing = status === "running" || status === "loading";
    if (status === "away") notes.show("away", "Paused while you are away.");
    if (status === "running") for (const key of ["away", "cut"]) notes.remove(key);
    changed(true);
  });
  duo.on("notice", ({ message }) => notes.show(message, message));
}
