/** A link to what is seen, the networks as files, and all rows as a table. */
import type { Duo } from "../duo.ts";
import type { Name } from "../state.ts";
import { h, say } from "./h.ts";
import { type Model, namesOf, type Panel } from "./model.ts";
import { copyText, download } from "./table.ts";

export interface MoreHost {
  readonly duo: Duo;
  /** The address of this very moment, with step and fingerprint. */
  link(): Promise<string>;
}

export function morePanel(model: Model, { duo, link }: MoreHost): Panel {
  const said = h("p", { class: "quiet", role: "status" });
  const address = h("input", { type: "text", readonly: true, hidden: true, "aria-label": "Link to this moment" });
  const which = h(
    "select",
    { "aria-label": "Which network" },
    h("option", { value: "a" }),
    h("option", { value: "b" }),
  );
  const file = h("input", { type: "file", accept: ".safetensors", hidden: true, "aria-label": "A safetensors file" });
  const name = (): Name => which.value as Name;
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    say(said, "a moment …");
    try {
      say(said, await work());
    } catch (error) {
      say(said, error instanceof Error ? error.message : String(error));
    }
  };
  const copy = (): Promise<void> =>
    attempt(async () => {
      const text = await link();
      address.value = text;
      if (await copyText(text))
        return `Copied: the run up to step ${model.step}, and a fingerprint of its bits.${duo.drawings ? " Your drawings are not in it." : ""}`;
      address.hidden = false;
      address.select();
      return "The browser does not let a page copy here: copy it from the field.";
    });
  const save = (format: "safetensors" | "onnx") => (): Promise<void> =>
    attempt(async () => {
      const saved = await duo.save(name(), format);
      download(saved.name, saved.bytes as BlobPart as never, "application/octet-stream");
      return `Saved as ${saved.name}.`;
    });
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (chosen === undefined) return;
    void attempt(async () => {
      await duo.load(name(), new Uint8Array(await chosen.arrayBuffer()));
      return `${chosen.name} is loaded: draw for it, cut it, train it on.`;
    });
    file.value = "";
  });
  const rows = (): void => {
    const store = duo.stores[name()];
    const network = duo.networks[name()];
    if (store === null || network === null) {
      say(said, "No step has been made yet.");
      return;
    }
    download(`gradients-${name()}.csv`, store.csv(network.layers), "text/csv");
    say(said, `Saved: one row for each measured step, one column for each of ${network.layers.length} layers.`);
  };
  const button = (label: string, onclick: () => void): HTMLElement => h("button", { type: "button", onclick }, label);
  return {
    element: h(
      "section",
      { class: "lab-more", "aria-label": "Share and keep" },
      h(
        "div",
        { class: "row" },
        button("Copy a link to this moment", () => void copy()),
        address,
        which,
        button("Save safetensors", save("safetensors")),
        button("Save ONNX", save("onnx")),
        button("Load safetensors", () => file.click()),
        file,
        button("All rows as CSV", rows),
      ),
      said,
    ),
    update() {
      const names = namesOf(model.run);
      say(which.options[0]!, names.a);
      say(which.options[1]!, names.b);
    },
  };
}
