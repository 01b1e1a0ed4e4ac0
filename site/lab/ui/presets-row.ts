/** The walk and the presets: runs that show something, each with one sentence. */
import { matchPreset, PRESETS } from "../presets.ts";
import { h, mark, say } from "./h.ts";
import type { Actions, Model, Panel } from "./model.ts";

export function presetsRow(actions: Actions): Panel {
  const walk = h("button", { class: "main", type: "button", onclick: () => actions.walk(1) }, "Take the walk →");
  const sentence = h("p", { class: "sentence" });
  let current: string | null = null;
  let shown: string | null = null;
  const tell = (words: string | null): void => {
    shown = words;
    refresh();
  };
  const buttons = PRESETS.map((preset) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => actions.start(preset.run),
        onpointerenter: () => tell(preset.sentence),
        onpointerleave: () => tell(null),
        onfocus: () => tell(preset.sentence),
        onblur: () => tell(null),
      },
      preset.title,
    ),
  );
  const refresh = (): void => {
    const preset = PRESETS.find(({ name }) => name === current);
    say(sentence, shown ?? preset?.sentence ?? "A run of your own: all of it is in the address.");
  };
  const element = h(
    "div",
    { class: "lab-presets" },
    h("div", { class: "row", role: "group", "aria-label": "Examples" }, walk, ...buttons),
    sentence,
  );
  return {
    element,
    update(model: Model) {
      current = matchPreset(model.run)?.name ?? null;
      buttons.forEach((button, i) => {
        mark(button, "aria-pressed", String(PRESETS[i]!.name === current));
      });
      // On a walk its card needs the room.
      element.hidden = model.walk !== null;
      refresh();
    },
  };
}
