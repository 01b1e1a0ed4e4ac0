/** "Numbers" under a figure: what is drawn, as a real table, and its copy as comma-separated values. */
import { csv, type Table } from "./csv.ts";
import { h, mark, say } from "./h.ts";

/** A button and the table that it opens. The table is made anew when opened and by "renew": it does not change while one reads. */
export function numbers(
  name: string,
  content: () => Table,
): { readonly button: HTMLElement; readonly panel: HTMLElement } {
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Numbers: ${name}` });
  const copied = h("span", { class: "quiet", role: "status" });
  const renew = (): void => scroll.replaceChildren(tableElement(name, content()));
  const panel = h(
    "div",
    { class: "numbers", hidden: true },
    h(
      "div",
      { class: "row" },
      h("button", { class: "small", type: "button", onclick: renew }, "Renew"),
      h(
        "button",
        {
          class: "small",
          type: "button",
          onclick: async () =>
            say(copied, (await copyText(csv(content()))) ? "copied" : "the browser does not allow it"),
        },
        "Copy as CSV",
      ),
      copied,
    ),
    scroll,
  );
  const button = h(
    "button",
    {
      class: "small",
      type: "button",
      "aria-expanded": "false",
      "aria-label": `Numbers: ${name}`,
      onclick: () => {
        panel.hidden = !panel.hidden;
        mark(button, "aria-expanded", String(!panel.hidden));
        if (!panel.hidden) renew();
      },
    },
    "Numbers",
  );
  return { button, panel };
}

function tableElement(name: string, { columns, rows }: Table): HTMLElement {
  return h(
    "table",
    {},
    h("caption", { class: "ear" }, name),
    h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, String(cell)))))),
  );
}

/** Copies a text; false where the browser does not let us. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Hands a file to the reader's downloads. */
export function download(name: string, parts: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([parts], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
