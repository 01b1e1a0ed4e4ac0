/** The laboratory, mounted into an element of any page: two networks train side by side, and every layer's gradient is shown. */
import "./lab.css";
import type { Duo } from "./duo.ts";
import type { LoadedImages } from "./images.ts";
import { DEFAULT_RUN, type Run } from "./state.ts";
import { h } from "./ui/h.ts";
import { laboratory } from "./ui/laboratory.ts";
import { themeSheet } from "./ui/paint.ts";

export interface MountOptions {
  /** Where images come from; images.ts' own `loadImages` in the site, something small in tests. */
  readonly loadImages: (data: Run["data"], pixels: Run["pixels"]) => Promise<LoadedImages>;
}

/** What a mounted page shows of itself, as `window.skipstoneLab`, for tests and benches; a page has one laboratory. */
export interface LabProbe {
  /** Steps that both networks have made. */
  readonly step: number;
  /** Steps both make a second, lately; 0 while paused. */
  readonly speed: number;
  /** "idle", "loading", "running", "paused", "away", "done" or "ended". */
  readonly status: string;
  /** Frames a second over the last two seconds. */
  readonly fps: number;
  /** 95th percentile of the time between frames, milliseconds. */
  readonly p95: number;
  /** 95th percentile of the time that the page took for a frame, milliseconds. */
  readonly work: number;
  /** What the page knows, as plain data: run, view, both networks' certificate, cuts, answers, failures. */
  state(): unknown;
}

declare global {
  interface Window {
    skipstoneLab?: LabProbe;
  }
}

/** The picture of the first step, made when the site was built, stands in the figure's place until both networks have rows. */
function keepFirst(first: HTMLElement, root: HTMLElement, duo: Duo): void {
  first.classList.add("lab-first");
  root.querySelector(".lab-flow")!.append(first);
  const stop = duo.on("rows", () => {
    if (duo.step === 0) return;
    first.remove();
    stop();
  });
}

/** Builds the laboratory in `element` (its content, the first picture, is replaced); the result ends workers and takes it away. */
export function mount(element: HTMLElement, options: MountOptions): () => void {
  const style = h("style", {}, themeSheet());
  const root = h("div", { class: "lab" });
  const first = element.querySelector<HTMLElement>(".first-picture");
  element.replaceChildren(style, root);
  const { model, duo, frames, end } = laboratory(root, options);
  if (first !== null && JSON.stringify(model.run) === JSON.stringify(DEFAULT_RUN)) keepFirst(first, root, duo);
  window.skipstoneLab = {
    get step() {
      return duo.step;
    },
    get speed() {
      return duo.speed;
    },
    get status() {
      return duo.status;
    },
    get fps() {
      return frames.fps;
    },
    get p95() {
      return frames.p95;
    },
    get work() {
      return frames.work;
    },
    state: () => {
      const { run, view, pace, walk, chosen, playing, sides } = model;
      return structuredClone({ run, view, pace, walk, chosen, playing, step: duo.step, status: duo.status, sides });
    },
  };
  return () => {
    end();
    delete window.skipstoneLab;
    element.replaceChildren();
  };
}
