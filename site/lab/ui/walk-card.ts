/** The head of the page: promise and lede, or the card of the walk that replaces the lede. */
import { h, mark, say } from "./h.ts";
import type { Actions, Model, Panel } from "./model.ts";
import { type Facts, nextAct, pieces, walkCards } from "./walk.ts";

export interface WalkHost {
  facts(): Facts;
  act(does: NonNullable<ReturnType<typeof nextAct>>["does"]): void;
}

export function walkCard(actions: Actions, host: WalkHost): Panel {
  const lede = h("p", { class: "lede" });
  const number = h("span", { class: "quiet" });
  const title = h("h2", { id: "lab-walk-title" });
  const text = h("p");
  const question = h("p", { class: "question" });
  const act = h("button", { class: "main", type: "button" });
  const back = h("button", { type: "button", onclick: () => go(-1) }, "← Back");
  const next = h("button", { type: "button", onclick: () => go(1) }, "Next →");
  const dots = walkCards.map(({ title: name }, i) =>
    h("button", { type: "button", "aria-label": `Card ${i + 1}: ${name}`, onclick: () => actions.walk(i + 1) }),
  );
  const body = h(
    "section",
    { class: "lab-walk", tabindex: -1, hidden: true, "aria-labelledby": "lab-walk-title", "data-walk": "" },
    h("div", { class: "row" }, number, h("ol", { class: "map push" }, ...dots.map((dot) => h("li", {}, dot)))),
    title,
    text,
    question,
    h(
      "div",
      { class: "row" },
      act,
      back,
      next,
      h("button", { class: "small push", type: "button", onclick: () => actions.walk(null) }, "Leave the walk"),
    ),
  );
  let current: number | null = null;
  let shown: Model | null = null;
  function go(by: number): void {
    if (current === null) return;
    const to = current + by;
    if (to > walkCards.length) actions.walk(null);
    else if (to >= 1) actions.walk(to);
  }
  body.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by !== undefined) go(by);
    else if (event.key === "Escape") actions.walk(null);
    else return;
    event.preventDefault();
  });
  act.addEventListener("click", () => {
    const now = current === null ? null : nextAct(walkCards[current - 1]!, host.facts());
    if (now !== null) host.act(now.does);
    if (shown !== null) refresh(shown);
  });

  function enter(model: Model): void {
    current = model.walk;
    lede.hidden = current !== null;
    body.hidden = current === null;
    point(body, current === null ? null : walkCards[current - 1]!.place);
    if (current === null) return;
    const card = walkCards[current - 1]!;
    say(number, `Walk, ${current} of ${walkCards.length}`);
    say(title, card.title);
    text.replaceChildren(...pieces(card.text).map(({ words, strong }) => (strong ? h("strong", {}, words) : words)));
    say(question, card.question);
    for (const [i, dot] of dots.entries()) mark(dot, "aria-current", i + 1 === current ? "step" : false);
    back.disabled = current === 1;
    say(next, current === walkCards.length ? "Done" : "Next →");
    body.focus({ preventScroll: true });
    body.scrollIntoView({ block: "start", behavior: model.reducedMotion ? "auto" : "smooth" });
  }
  function refresh(model: Model): void {
    shown = model;
    say(lede, ledeWords(model));
    if (model.walk !== current) enter(model);
    if (current === null) return;
    const card = walkCards[current - 1]!;
    const facts = host.facts();
    const now = nextAct(card, facts);
    act.hidden = now === null;
    if (now !== null) say(act, now.label);
    const done = card.done(facts);
    mark(next, "class", done ? "main" : "");
    mark(body, "data-done", done);
  }
  return {
    element: h("header", { class: "lab-lede" }, h("h1", {}, "Where does the gradient go?"), lede, body),
    update: refresh,
  };
}

function ledeWords({ run }: Model): string {
  const what = run.data === "digits" ? "read digits" : "tell clothes apart";
  const promise = `Two networks of ${run.depth} layers learn to ${what}, here, in your browser.`;
  return run.a.shortcut !== "none" && run.b.shortcut === "none" && run.depth >= 50
    ? `${promise} One has skip connections. The other cannot learn: see why.`
    : `${promise} Watch what reaches every layer.`;
}

/** Outlines the place that a card is about. */
function point(from: HTMLElement, place: string | null): void {
  const root = from.closest(".lab");
  if (root === null) return;
  for (const element of root.querySelectorAll("[data-pointed]")) element.removeAttribute("data-pointed");
  if (place !== null) root.querySelector(`[data-place="${place}"]`)?.setAttribute("data-pointed", "");
}
