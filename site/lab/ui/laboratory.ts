/** Puts the laboratory together: the duo tells, the model keeps, the panels show, and the reader acts. */
import { createDuo, type Duo } from "../duo.ts";
import type { LoadedImages } from "../images.ts";
import type { Name, Run } from "../state.ts";
import { type Address, DEFAULT_RUN } from "../state.ts";
import { type Addressing, addressing, arrivalWords } from "./addressing.ts";
import { announcer } from "./announce.ts";
import { type Frames, frames } from "./frames.ts";
import { type Actions, both, type Model, namesOf, type Panel, type SideModel, sideTitle } from "./model.ts";
import { notices } from "./notices.ts";
import { currentPaint, onThemeChange } from "./paint.ts";
import { buildPanels, type Panels } from "./panels.ts";
import { walkCards } from "./walk.ts";
import { doAct, enterScene, factsOf } from "./walk-run.ts";

/** What a laboratory needs from outside. */
export interface LaboratoryOptions {
  loadImages(data: Run["data"], pixels: Run["pixels"]): Promise<LoadedImages>;
}

/** A running laboratory. */
export interface Laboratory {
  readonly model: Model;
  readonly duo: Duo;
  readonly frames: Frames;
  readonly actions: Actions;
  end(): void;
}

export function laboratory(root: HTMLElement, options: LaboratoryOptions): Laboratory {
  const duo = createDuo({
    images: async ({ data, pixels }) => {
      model.images = await options.loadImages(data, pixels);
      return model.images;
    },
  });
  const model = newModel(duo);
  const live = announcer();
  const notes = notices();
  const address: Addressing = addressing(model, (went) => arrive(went));
  let pauseAt: number | null = null;
  let dirty = true;

  const begin = async (run: Run, start: { readonly paused?: boolean; readonly target?: number }): Promise<void> => {
    model.run = run;
    forget(model);
    model.playing = start.paused !== true;
    dirty = true;
    address.follow();
    try {
      await duo.start(run, start);
    } catch (error) {
      model.playing = false;
      notes.show("start", `This run could not be started: ${error instanceof Error ? error.message : String(error)}`, {
        label: "Try again",
        run: () => {
          notes.remove("start");
          void begin(run, start);
        },
      });
    }
  };
  const actions: Actions = {
    toggle() {
      pauseAt = null;
      if (model.playing) duo.pause();
      else if (duo.run === null) void begin(model.run, {});
      else if (model.status === "done") void duo.again();
      else duo.resume();
    },
    oneStep() {
      if (duo.run === null) void begin(model.run, { target: 1 });
      else duo.stepOnce();
    },
    again() {
      pauseAt = null;
      forget(model);
      if (duo.run === null) void begin(model.run, {});
      else void duo.again();
    },
    pace(pace) {
      model.pace = duo.pace = pace;
      address.follow();
    },
    start(run) {
      pauseAt = null;
      if (model.walk !== null) actions.walk(null);
      void begin(run, {});
      address.push();
      live.say(`A new run: ${namesOf(run).a} against ${namesOf(run).b}, ${run.depth} layers.`);
    },
    rate(side, value) {
      if (duo.run !== null)
        model.run = withEvent(duo, () => duo.change(isTogether(model) ? "both" : side, { kind: "rate", value }));
      else model.run = { ...model.run, [side]: { ...model.run[side], learningRate: value } };
      address.follow();
    },
    cut(side, first, last, part) {
      if (duo.run === null) return;
      model.run = withEvent(duo, () => duo.change(side, { kind: "cut", part }, [first, last]));
      const what = first === last ? `block ${first + 1}` : `blocks ${first + 1} to ${last + 1}`;
      live.say(part === "none" ? `${what} rejoined` : `${part} of ${what} cut`);
      address.follow();
      if (!model.playing && model.status === "paused") {
        notes.show("cut", "The cut is made with the next step.", {
          label: "Go on",
          run: () => (notes.remove("cut"), duo.resume()),
        });
      }
    },
    choose(side, first, last) {
      model.picked = true;
      model.chosen = { side, first, last };
      for (const name of both) model.sides[name].detail = null;
      duo.watch({ block: first });
      dirty = true;
      address.follow();
    },
    view(view) {
      model.view = view;
      dirty = true;
      address.follow();
    },
    digit(index) {
      model.digit = index;
      duo.watch({ digit: index });
      dirty = true;
    },
    goTo(step) {
      pauseAt = null;
      if (step < model.step) forget(model);
      model.playing = true;
      void duo.goTo(step).then(() => live.say(`Step ${duo.step}.`));
    },
    walk(card) {
      model.walk = card;
      dirty = true;
      if (card !== null) void enterCard(card);
      address.push();
    },
    notice: (words) => notes.show(words, words),
    announce: (sentence) => live.say(sentence),
  };
  async function enterCard(card: number): Promise<void> {
    const { scene } = walkCards[card - 1]!;
    if (scene.block !== null) actions.choose("a", scene.block, scene.block);
    if (card !== 3 && model.view === "ratio") actions.view("gradient");
    await enterScene(scene, model, {
      duo,
      begin,
      pauseAt: (step) => {
        pauseAt = step;
      },
    });
    model.pace = duo.pace;
    dirty = true;
  }
  /** The state of an address becomes the page's. */
  function arrive({ run, view, notes: said }: Address, autostart = true): void {
    said.forEach((words, i) => {
      notes.show(`address ${i}`, words);
    });
    model.pace = duo.pace = view.pace;
    model.view = view.view;
    model.walk = view.walk;
    duo.watch({ ratios: true, shares: true, block: view.block, digit: 0 });
    model.picked = view.block !== null;
    model.chosen = view.block === null ? null : { side: "a", first: view.block, last: view.block };
    dirty = true;
    if (view.walk !== null && view.target === null) {
      model.run = run;
      void enterCard(view.walk);
    } else if (view.target !== null) {
      void begin(run, { target: view.target }).then(() => compare(view.target!, view.fingerprint, view.drawings));
    } else if (autostart) void begin(run, {});
    else model.run = run;
  }
  async function compare(target: number, expected: string | null, drawings: boolean): Promise<void> {
    await duo.goTo(target);
    const { step, fingerprint } = await duo.fingerprint();
    const words = drawings
      ? "The sender had drawn images into the training: a link cannot carry them, so this run is another one."
      : arrivalWords(step, expected, fingerprint);
    if (words === null) return;
    notes.show("arrival", words);
    live.say(words);
  }

  const panels: Panels = buildPanels(model, actions, duo, {
    facts: () => factsOf(model),
    act: (does) => doAct(does, model, actions),
    link: async () => {
      const { step, fingerprint } = await duo.fingerprint();
      return address.link({ target: step, fingerprint, drawings: duo.drawings });
    },
  });
  listen(duo, model, notes, actions, () => {
    dirty = true;
    if (pauseAt !== null && duo.step >= pauseAt) {
      pauseAt = null;
      duo.pause();
    }
    address.follow();
  });
  root.replaceChildren(...panels.elements, notes.element, live.element);
  const loop = frames(
    frameOf(
      model,
      panels,
      () => dirty,
      (value) => {
        dirty = value;
      },
    ),
  );
  const stopTheme = onThemeChange(() => {
    model.paint = currentPaint();
    for (const panel of panels.all) if (panel.screen !== undefined) panel.screen.stale = true;
    panels.repaint();
    dirty = true;
  });
  const stopKeys = keys(root, actions);
  const first = address.read();
  model.run = first.run;
  const stopStart = startWhenSeen(root, model, first, arrive, notes);
  const stopPage = pageEvents(duo, model, begin, notes);
  const end = (): void => {
    for (const stop of [stopTheme, stopKeys, stopStart, stopPage]) stop();
    loop.end();
    address.end();
    duo.end();
    for (const panel of panels.all) panel.screen?.end();
  };
  return { model, duo, frames: loop, actions, end };
}

function newModel(duo: Duo): Model {
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
function forget(model: Model): void {
  for (const name of both) Object.assign(model.sides[name], { tested: null, shares: null, detail: null, failed: null });
}

function withEvent(duo: Duo, change: () => unknown): Run {
  change();
  return duo.run!;
}

/** Whether both learn at the same rate: then a change is meant for both. */
function isTogether({ run }: Model): boolean {
  return run.a.learningRate === run.b.learningRate;
}

/** What the duo tells goes into the model. */
function listen(
  duo: Duo,
  model: Model,
  notes: ReturnType<typeof notices>,
  actions: Actions,
  changed: () => void,
): void {
  duo.on("start", ({ run }) => {
    model.run = run;
    forget(model);
    changed();
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
    changed();
  };
  duo.on("ready", known);
  duo.on("changed", known);
  duo.on("rows", changed);
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
    changed();
  });
  duo.on("status", ({ status }) => {
    model.status = status;
    model.playing = status === "running" || status === "loading";
    if (status === "away") notes.show("away", "Paused while you are away.");
    if (status === "running") for (const key of ["away", "cut"]) notes.remove(key);
    changed();
  });
  duo.on("notice", ({ message }) => notes.show(message, message));
}

/** One frame: the step of both, words four times a second, canvases that can be seen and have something new. */
function frameOf(
  model: Model,
  panels: Panels,
  isDirty: () => boolean,
  setDirty: (value: boolean) => void,
): (time: number) => void {
  let [words, drawn, step] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
  const drawPanel = (panel: Panel, fresh: boolean, time: number): void => {
    const { screen } = panel;
    if (panel.draw === undefined || (screen !== undefined && !screen.visible)) return;
    const moves = panel.moves === true && model.playing && !model.reducedMotion;
    if (fresh || moves || screen?.stale === true) panel.draw(model, time);
  };
  return (time) => {
    model.step = panels.duo.step;
    model.speed = panels.duo.speed;
    const fresh = isDirty() || model.step !== step;
    if (fresh && time - words >= 250) {
      words = time;
      for (const panel of panels.all) panel.update?.(model);
    } else if (fresh) setDirty(true);
    if (model.reducedMotion && model.playing && time - drawn < 500) return;
    drawn = time;
    for (const panel of panels.all) drawPanel(panel, fresh, time);
    step = model.step;
    // Words that had to wait come with the next frames.
    if (words === time || !fresh) setDirty(false);
  };
}

/** K, . and R while the focus is in the laboratory and in nothing that takes letters. */
function keys(root: HTMLElement, actions: Actions): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (target.matches("input:not([type=range],[type=checkbox]), select, textarea")) return;
    const act = { k: actions.toggle, ".": actions.oneStep, r: actions.again }[event.key.toLowerCase()];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  root.addEventListener("keydown", onKey);
  return () => root.removeEventListener("keydown", onKey);
}

/** Starts by itself once the chart is in view, unless motion is to be reduced or data to be saved: then it waits for Start. */
function startWhenSeen(
  root: HTMLElement,
  model: Model,
  first: Address,
  arrive: (address: Address, autostart?: boolean) => void,
  notes: ReturnType<typeof notices>,
): () => void {
  const saves = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
  if (typeof WebAssembly === "undefined")
    notes.show("wasm", "This browser has no WebAssembly: training is several times slower here.");
  if (saves || model.reducedMotion) {
    arrive(first, false);
    return () => undefined;
  }
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    if (document.visibilityState === "hidden") return;
    observer.disconnect();
    document.removeEventListener("visibilitychange", again);
    arrive(first);
  });
  const chart = root.querySelector(".lab-flow")!;
  const again = (): void => {
    observer.unobserve(chart);
    observer.observe(chart);
  };
  observer.observe(chart);
  document.addEventListener("visibilitychange", again);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", again);
  };
}

/** Hidden tabs pause; a page that is left ends its workers, and one that comes back from the cache goes on from its state. */
function pageEvents(
  duo: Duo,
  model: Model,
  begin: (run: Run, start: { paused?: boolean; target?: number }) => Promise<void>,
  notes: ReturnType<typeof notices>,
): () => void {
  let touched = performance.now();
  const onVisibility = (): void => duo.hidden(document.visibilityState === "hidden");
  const onHide = (): void => duo.end();
  const onShow = (event: PageTransitionEvent): void => {
    if (event.persisted && model.step > 0) void begin(model.run, { target: model.step });
  };
  const onTouch = (): void => {
    touched = performance.now();
  };
  // A phone gets hot: it rests when nobody has touched it for three minutes. And it may like smaller networks.
  const timer = setInterval(() => {
    if (model.status !== "running") return;
    if (matchMedia("(pointer: coarse)").matches && performance.now() - touched > 180_000) {
      duo.pause();
      notes.show("heat", "Paused after three minutes without a touch, to keep the phone cool.");
    }
    const slow =
      model.step > 60 &&
      model.speed > 0 &&
      model.speed < 15 &&
      model.pace !== "1" &&
      model.pace !== "5" &&
      model.run.depth > 38;
    if (slow && !lighter) {
      lighter = true;
      notes.show("lighter", `${Math.round(model.speed)} steps a second here. Fewer layers are faster.`, {
        label: "Lighter: 38 layers",
        run: () => {
          notes.remove("lighter");
          void begin({ ...model.run, depth: 38, width: 4, events: [] }, {});
        },
      });
    }
  }, 3000);
  let lighter = false;
  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("pagehide", onHide);
  addEventListener("pageshow", onShow);
  addEventListener("pointerdown", onTouch);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", onVisibility);
    removeEventListener("pagehide", onHide);
    removeEventListener("pageshow", onShow);
    removeEventListener("pointerdown", onTouch);
  };
}
