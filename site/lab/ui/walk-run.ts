/** Brings the run to where a card of the walk wants it, and does what the card's button says. */
import type { Duo } from "../duo.ts";
import { matchPreset, PRESETS } from "../presets.ts";
import type { Actions, Model } from "./model.ts";
import type { Facts, Scene, WalkCard } from "./walk.ts";
import { walkCards } from "./walk.ts";

/** What of a run's events the walk's conditions ask for. */
export function factsOf(model: Model): Facts {
  const blocks = model.sides.a.network?.blocks ?? [];
  const cuts = model.run.events.filter(
    ({ side, change }) => side !== "b" && change.kind === "cut" && change.part !== "none",
  );
  const whole = cuts.filter(({ blocks: range }) => range !== null && range[1] - range[0] + 1 === blocks.length);
  return {
    step: model.step,
    running: model.playing,
    blocks: blocks.length,
    cut: blocks.filter(({ cut }) => cut !== "none").length,
    firstCut: cuts[0]?.step ?? null,
    allCut: whole.at(-1)?.step ?? null,
    lastEvent: model.run.events.at(-1)?.step ?? null,
  };
}

/** What `enterScene` may do with the run. */
export interface Runner {
  readonly duo: Duo;
  /** Starts a run anew; with a step to pause at, and at which pace it goes there. */
  begin(run: Model["run"], options: { readonly paused?: boolean; readonly target?: number }): Promise<void>;
  /** Pauses when both have made so many steps; null: never. */
  pauseAt(step: number | null): void;
}

/** Enters a card: begins its preset if need be, goes to its step, and stops where it says. Resolves when it runs or waits. */
export async function enterScene(scene: Scene, model: Model, { duo, begin, pauseAt }: Runner): Promise<void> {
  const preset = PRESETS.find(({ name }) => name === scene.preset)!;
  const other = matchPreset(model.run)?.name !== scene.preset;
  const cut = scene.whole && model.run.events.length > 0;
  const over = scene.again && scene.until !== null && model.step > scene.until;
  const anew = other || cut || over || duo.run === null;
  pauseAt(null);
  const step = anew ? 0 : model.step;
  const run = anew ? { ...preset.run, events: [] } : model.run;
  duo.pace = scene.pace;
  if (scene.until === 0) {
    // A run that is still being made cannot be paused.
    if (anew || duo.status === "loading") await begin(run, { paused: true });
    else duo.pause();
  } else if (scene.until !== null && scene.pace === "free") {
    // As fast as it goes, to the very step.
    if (anew) await begin(run, { target: scene.until });
    else if (step < scene.until) await duo.goTo(scene.until);
  } else if (scene.until !== null) {
    if (step >= scene.until) return duo.pause();
    pauseAt(scene.until);
    if (anew) await begin(run, {});
    else duo.resume();
  } else {
    if (anew) await begin(run, { target: scene.from });
    if (model.step < scene.from) await duo.goTo(scene.from);
    duo.resume();
  }
}

/** Does what the card's button says. */
export function doAct(does: NonNullable<WalkCard["act"]>["does"], model: Model, actions: Actions): void {
  const block = walkCards[(model.walk ?? 1) - 1]!.scene.block ?? 0;
  const last = (model.sides.a.network?.blocks.length ?? 1) - 1;
  switch (does) {
    case "start":
      actions.toggle();
      break;
    case "ratio":
      actions.view(model.view === "ratio" ? "gradient" : "ratio");
      break;
    case "cut-one":
      actions.cut("a", block, block, "shortcut");
      break;
    case "cut-branch":
      actions.choose("a", Math.min(last, block + 1), Math.min(last, block + 1));
      actions.cut("a", Math.min(last, block + 1), Math.min(last, block + 1), "branch");
      break;
    case "cut-all":
      actions.cut("a", 0, last, "shortcut");
      break;
    case "rejoin":
      actions.cut("a", 0, last, "none");
      break;
  }
}
