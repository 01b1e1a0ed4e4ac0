/** Puts the laboratory together: the duo tells, the model keeps, the panels show, and the reader acts. */
import { createDuo, type Duo } from "../duo.ts";
import type { LoadedImages } from "../images.ts";
import type { Run } from "../state.ts";
import { actionsOf, arrive, begin, type Scenery } from "./acting.ts";
import { type Addressing, addressing } from "./addressing.ts";
import { announcer } from "./announce.ts";
import { type Frames, frameOf, frames } from "./frames.ts";
import type { Model } from "./model.ts";
import { notices } from "./notices.ts";
import { keys, pageEvents, startWhenSeen } from "./page-events.ts";
import { currentPaint, onThemeChange } from "./paint.ts";
import { buildPanels } from "./panels.ts";
import { listen, newModel } from "./telling.ts";
import { doAct, factsOf } from "./walk-run.ts";

/** What a laboratory needs from outside. */
export interface LaboratoryOptions {
  loadImages(data: Run["data"], pixels: Run["pixels"]): Promise<LoadedImages>;
}

/** A running laboratory. */
export interface Laboratory {
  readonly model: Model;
  readonly duo: Duo;
  readonly frames: Frames;
  /** Ends workers, timers, listeners and the loop of frames. */
  end(): void;
}

/** Builds it in `root` and starts it once it is seen. */
export function laboratory(root: HTMLElement, options: LaboratoryOptions): Laboratory {
  const duo = createDuo({
    images: async ({ data, pixels }) => {
      model.images = await options.loadImages(data, pixels);
      return model.images;
    },
  });
  const model = newModel(duo);
  const changes: Scenery["changes"] = { dirty: true, acted: false, pauseAt: null };
  const [notes, live] = [notices(), announcer()];
  const address: Addressing = addressing(model, (went) => arrive(scenery, went));
  const scenery: Scenery = { duo, model, notes, live, address, changes };
  const actions = actionsOf(scenery);
  const panels = buildPanels(model, actions, duo, {
    facts: () => factsOf(model),
    act: (does) => doAct(does, model, actions),
    link: async () => {
      const { step, fingerprint } = await duo.fingerprint();
      return address.link({ target: step, fingerprint, drawings: duo.drawings });
    },
  });
  const acted = (): void => {
    changes.dirty = true;
    changes.acted = true;
  };
  for (const type of ["click", "keydown", "input", "change"]) root.addEventListener(type, acted);
  root.replaceChildren(...panels.elements, notes.element, live.element);
  listen(duo, model, notes, actions, (now = false) => {
    changes.dirty = true;
    if (now) changes.acted = true;
    if (changes.pauseAt !== null && duo.step >= changes.pauseAt) {
      changes.pauseAt = null;
      duo.pause();
    }
    address.follow();
  });
  const loop = frames(frameOf(model, duo, panels.all, changes));
  const first = address.read();
  model.run = first.run;
  const stops = [
    onThemeChange(() => {
      model.paint = currentPaint();
      for (const panel of panels.all) if (panel.screen !== undefined) panel.screen.stale = true;
      panels.repaint();
      changes.dirty = true;
    }),
    keys(root, actions),
    startWhenSeen(root, model, first, (went, autostart) => arrive(scenery, went, autostart), notes),
    pageEvents(duo, model, (run, start) => begin(scenery, run, start), notes),
    loop.end,
    address.end,
    () => duo.end(),
    ...panels.all.map(
      ({ screen }) =>
        () =>
          screen?.end(),
    ),
  ];
  return {
    model,
    duo,
    frames: loop,
    end: () => {
      for (const stop of stops) stop();
    },
  };
}
