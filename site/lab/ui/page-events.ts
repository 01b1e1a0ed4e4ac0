/** What happens to the page from outside: keys, coming into view, tabs that are hidden, pages that are left, hot phones. */
import type { Duo } from "../duo.ts";
import type { Address, Run } from "../state.ts";
import type { Actions, Model } from "./model.ts";
import type { Notices } from "./notices.ts";

/** K, . and R while the focus is in the laboratory and in nothing that takes letters. */
export function keys(root: HTMLElement, actions: Actions): () => void {
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
export function startWhenSeen(
  root: HTMLElement,
  model: Model,
  first: Address,
  arrive: (address: Address, autostart?: boolean) => void,
  notes: Notices,
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
    // Who has begun something already, such as the walk, keeps it.
    if (model.status === "idle" && model.walk === null) arrive(first);
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
export function pageEvents(
  duo: Duo,
  model: Model,
  begin: (run: Run, start: { paused?: boolean; target?: number }) => Promise<void>,
  notes: Notices,
): () => void {
  let touched = performance.now();
  const onVisibility = (): void => duo.hidden(document.visibilityState === "hidden");
  // What was loading when the tab was hidden begins to run unseen: it pauses, too.
  const unlisten = duo.on("status", ({ status }) => {
    if (status === "running" && document.visibilityState === "hidden") queueMicrotask(() => duo.hidden(true));
  });
  let left: { readonly step: number; readonly playing: boolean } | null = null;
  const onHide = (): void => {
    left = duo.run === null ? null : { step: duo.step, playing: model.playing };
    duo.end();
  };
  const onShow = async ({ persisted }: PageTransitionEvent): Promise<void> => {
    if (!persisted || left === null) return;
    const { step, playing } = left;
    left = null;
    await begin(model.run, { target: step });
    await duo.goTo(step);
    if (playing) duo.resume();
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
    unlisten();
    document.removeEventListener("visibilitychange", onVisibility);
    removeEventListener("pagehide", onHide);
    removeEventListener("pageshow", onShow);
    removeEventListener("pointerdown", onTouch);
  };
}
