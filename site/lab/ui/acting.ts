/** What the reader does to the run and to the view, and how a run begins, by hand, by a card of the walk, or by an address. */
import type { Duo } from "../duo.ts";
import type { Address, Name, Run } from "../state.ts";
import { type Addressing, arrivalWords } from "./addressing.ts";
import type { Announcer } from "./announce.ts";
import { type Actions, both, type Model, namesOf } from "./model.ts";
import type { Notices } from "./notices.ts";
import { forget } from "./telling.ts";
import { walkCards } from "./walk.ts";
import { enterScene } from "./walk-run.ts";

/** How a run begins: paused, or going to a step as fast as it can. */
export interface Begin {
  readonly paused?: boolean;
  readonly target?: number;
}

/** What acting needs. `pauseAt`: the run pauses when both have made so many steps. `dirty`: there is something new to draw; `acted`: the reader did something. */
export interface Scenery {
  readonly duo: Duo;
  readonly model: Model;
  readonly notes: Notices;
  readonly live: Announcer;
  readonly address: Addressing;
  readonly changes: { dirty: boolean; acted: boolean; pauseAt: number | null };
}

/** Begins a run; a failure, such as images that could not be fetched, becomes a notice with "Try again". */
export async function begin(scenery: Scenery, run: Run, start: Begin): Promise<void> {
  const { duo, model, notes, address, changes } = scenery;
  model.run = run;
  forget(model);
  model.playing = start.paused !== true;
  changes.dirty = true;
  address.follow();
  try {
    await duo.start(run, start);
  } catch (error) {
    model.playing = false;
    changes.dirty = true;
    notes.show("start", `This run could not be started: ${error instanceof Error ? error.message : String(error)}`, {
      label: "Try again",
      run: () => {
        notes.remove("start");
        void begin(scenery, run, start);
      },
    });
  }
}

/** Everything that panels may ask for. */
export function actionsOf(scenery: Scenery): Actions {
  return { ...trainingActions(scenery), ...changeActions(scenery), ...viewActions(scenery) };
}

function trainingActions(scenery: Scenery): Pick<Actions, "toggle" | "oneStep" | "again" | "pace" | "start" | "goTo"> {
  const { duo, model, live, address, changes } = scenery;
  return {
    toggle() {
      changes.pauseAt = null;
      // A run that is still being made cannot be paused: it is made anew, paused.
      if (model.status === "loading") void begin(scenery, model.run, { paused: model.playing });
      else if (model.playing) duo.pause();
      else if (duo.run === null) void begin(scenery, model.run, {});
      else if (model.status === "done") void duo.again();
      else duo.resume();
    },
    oneStep() {
      if (duo.run === null) void begin(scenery, model.run, { target: 1 });
      else duo.stepOnce();
    },
    again() {
      changes.pauseAt = null;
      forget(model);
      if (duo.run === null) void begin(scenery, model.run, {});
      else void duo.again();
    },
    pace(pace) {
      model.pace = duo.pace = pace;
      address.follow();
    },
    start(run) {
      changes.pauseAt = null;
      model.walk = null;
      void begin(scenery, run, {});
      address.push();
      const names = namesOf(run);
      live.say(`A new run: ${names.a} against ${names.b}, ${run.depth} layers.`);
    },
    goTo(step) {
      changes.pauseAt = null;
      if (step < model.step) forget(model);
      model.playing = true;
      void duo.goTo(step).then(() => live.say(`Step ${duo.step}.`));
    },
  };
}

function changeActions({ duo, model, notes, live, address }: Scenery): Pick<Actions, "rate" | "cut"> {
  return {
    rate(side, value) {
      if (duo.run === null) model.run = { ...model.run, [side]: { ...model.run[side], learningRate: value } };
      else {
        // Networks that learn at the same rate go on doing so: the comparison stays fair.
        const together = model.run.a.learningRate === model.run.b.learningRate;
        duo.change(together ? "both" : side, { kind: "rate", value });
        model.run = duo.run;
      }
      address.follow();
    },
    cut(side, first, last, part) {
      if (duo.run === null) return;
      duo.change(side, { kind: "cut", part }, [first, last]);
      model.run = duo.run;
      const what = first === last ? `block ${first + 1}` : `blocks ${first + 1} to ${last + 1}`;
      live.say(part === "none" ? `${what} rejoined` : `${part} of ${what} cut`);
      address.follow();
      if (model.status !== "paused") return;
      const goOn = (): void => {
        notes.remove("cut");
        duo.resume();
      };
      notes.show("cut", "It is cut, or rejoined, with the next step.", { label: "Go on", run: goOn });
    },
  };
}

function viewActions(scenery: Scenery): Pick<Actions, "choose" | "view" | "digit" | "walk" | "announce"> {
  const { duo, model, live, address, changes } = scenery;
  return {
    choose(side: Name, first, last) {
      model.picked = true;
      model.chosen = { side, first, last };
      for (const name of both) model.sides[name].detail = null;
      duo.watch({ block: first });
      changes.dirty = true;
      address.follow();
    },
    view(view) {
      model.view = view;
      changes.dirty = true;
      address.follow();
    },
    digit(index) {
      model.digit = index;
      duo.watch({ digit: index });
      changes.dirty = true;
    },
    walk(card) {
      model.walk = card;
      changes.dirty = true;
      if (card !== null) void enterCard(scenery, card);
      address.push();
    },
    announce: (sentence) => live.say(sentence),
  };
}

async function enterCard(scenery: Scenery, card: number): Promise<void> {
  const { duo, model, changes } = scenery;
  const { scene } = walkCards[card - 1]!;
  if (scene.block !== null) {
    model.chosen = { side: "a", first: scene.block, last: scene.block };
    model.picked = true;
    duo.watch({ block: scene.block });
  }
  model.view = "gradient";
  await enterScene(scene, model, {
    duo,
    begin: (run, start) => begin(scenery, run, start),
    pauseAt: (step) => {
      changes.pauseAt = step;
    },
  });
  model.pace = duo.pace;
  changes.dirty = true;
}

/** The state of an address becomes the page's. Without `autostart` its run waits for Start. */
export function arrive(scenery: Scenery, { run, view, notes: said }: Address, autostart = true): void {
  const { duo, model, notes, changes } = scenery;
  for (const words of said) notes.show(words, words);
  model.pace = duo.pace = view.pace;
  model.view = view.view;
  model.walk = view.walk;
  // Ratios cost little, and may be looked at afterwards, when the run is paused.
  duo.watch({ ratios: true, shares: true, block: view.block, digit: model.digit });
  model.picked = view.block !== null;
  model.chosen = view.block === null ? null : { side: "a", first: view.block, last: view.block };
  changes.dirty = true;
  changes.pauseAt = null;
  if (view.target !== null) {
    const { target, fingerprint, drawings } = view;
    void begin(scenery, run, { target }).then(() => compare(scenery, target, fingerprint, drawings));
  } else if (view.walk !== null) {
    model.run = run;
    void enterCard(scenery, view.walk);
  } else if (autostart) void begin(scenery, run, {});
  else model.run = run;
}

/** At a link's step: says whether the bits are the sender's. */
async function compare(
  { duo, notes, live }: Scenery,
  target: number,
  expected: string | null,
  drawings: boolean,
): Promise<void> {
  if (duo.run === null) return;
  await duo.goTo(target);
  const { step, fingerprint } = await duo.fingerprint();
  const words = drawings
    ? "The sender had drawn images into the training: a link cannot carry them, so this run is another one."
    : arrivalWords(step, expected, fingerprint);
  if (words === null) return;
  notes.show("arrival", words);
  live.say(words);
}
