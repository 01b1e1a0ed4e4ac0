/**
 * The walk: seven cards over the living page. A card says one thing, points at one place, brings the run to where it can be seen
 * (`enter`), and knows when the reader has done it (`done`). It is a state of the address, not a film: every card can be reached
 * at once, forward and back. Words between * are strong.
 */

/** What a card wants of the run when it is entered. */
export interface Scene {
  /** Name of a preset; the run is kept if it is that preset already (whatever has been cut in it). */
  readonly preset: string;
  /** Least step that has to be reached, at full speed, before the card goes on. */
  readonly from: number;
  /** Where the run pauses; null: it goes on. */
  readonly until: number | null;
  /** Pace from `from` on. */
  readonly pace: "opening" | "free";
  /** Begins again at step 0 if the run is further than `until`. */
  readonly again: boolean;
  /** Whether cuts must be undone, by beginning again. */
  readonly whole: boolean;
  /** Block to choose, counted from 0, or null. */
  readonly block: number | null;
}

/** What the page knows when it asks a card whether it is done. */
export interface Facts {
  readonly step: number;
  readonly running: boolean;
  /** Blocks of the upper network, and how many of them are cut now, shortcut or branch. */
  readonly blocks: number;
  readonly cut: number;
  /** Step of the first cut and of the last one that left every block cut; null if there was none. */
  readonly firstCut: number | null;
  readonly allCut: number | null;
  /** Step of the last event. */
  readonly lastEvent: number | null;
}

export interface WalkCard {
  readonly title: string;
  readonly text: string;
  readonly question: string;
  /** `data-place` of what the card is about. */
  readonly place: string;
  readonly scene: Scene;
  /** What the reader is asked to do, as the label of a button that does it; null: nothing. */
  readonly act: {
    readonly label: string;
    readonly does: "start" | "ratio" | "cut-one" | "cut-branch" | "cut-all" | "rejoin";
  } | null;
  done(facts: Facts): boolean;
}

const scene: Scene = {
  preset: "shortcuts",
  from: 0,
  until: null,
  pace: "free",
  again: false,
  whole: false,
  block: null,
};

/** The cards in their order; `walk=1` in the address is the first. */
export const walkCards: readonly WalkCard[] = [
  {
    title: "Two networks, one difference",
    text: "These two networks get pictures of handwritten digits and learn to name them. Both have 74 layers, the same first weights, and see the same digits in the same order. *One difference: the blue one has arcs.* Each arc carries a copy of what comes in past two layers. Press Start, and watch the left end of the orange line.",
    question: "Can such a small thing matter?",
    place: "flow",
    scene: { ...scene, until: 0, pace: "opening", again: true, whole: true },
    act: { label: "Start", does: "start" },
    done: ({ step }) => step > 0,
  },
  {
    title: "The message that makes a network learn",
    text: "After each guess, every layer must be told how to change. That message, the *gradient*, starts where the mistake is measured (the loss, at the right) and travels left, layer by layer. The height shows how much of it is there. *The axis counts in powers of ten: from 1 down to 10⁻⁶ is a millionth.*",
    question: "Which of the two still hears something at the left end?",
    place: "flow",
    scene: { ...scene, until: 40, pace: "opening", again: true, whole: true },
    act: null,
    done: ({ step }) => step >= 40,
  },
  {
    title: "First far too loud, then silence",
    text: "Orange: in the very first step the message arrived tens of thousands of times too loud at the left. The layers there jumped, and ever since less than a ten-thousandth arrives. *They cannot learn from what they cannot hear.* Blue: the arcs bring the message home, about as loud as it left.",
    question: "What does this do to reading?",
    place: "flow",
    scene: { ...scene, until: 40, pace: "opening", again: true, whole: true },
    act: { label: "Show how much each layer changes", does: "ratio" },
    done: ({ step }) => step >= 40,
  },
  {
    title: "One learns, one guesses",
    text: "Watch the digits: none of them was used for learning. Blue names more and more of them. Orange says nearly the same for all: it guesses. Nobody told blue how to read; *both were given the same chance*.",
    question: "Is it really the arcs? Let us cut some.",
    place: "digits",
    scene: { ...scene, until: 400, whole: true, again: true },
    act: null,
    done: ({ step }) => step >= 400,
  },
  {
    title: "Cut one arc",
    text: "One block of the blue network is chosen. Cut its arc. *Reading gets much worse at once.* But look at the line: the gradient still arrives. Wait a few seconds: within a hundred steps the network has learned around the hole. Then cut the box of another block instead of its arc: almost nothing happens. What passes over the arcs matters more than any single layer.",
    question: "How many cuts can it bear?",
    place: "flow",
    scene: { ...scene, from: 400, block: 17 },
    act: { label: "Cut this arc", does: "cut-one" },
    done: ({ step, firstCut }) => firstCut !== null && step >= firstCut + 60,
  },
  {
    title: "Cut them all",
    text: "Now cut every arc. *This time the gradient goes, too*: within ten or twenty steps some thousandths of it, or less, are left at the image, and waiting does not help. You have made the network guess, like the orange one. Then rejoin them: the way is open again, and within some two hundred steps it reads about half of the digits once more.",
    question: "So does any arc do?",
    place: "flow",
    scene: { ...scene, from: 400, block: 17 },
    act: { label: "Cut all arcs", does: "cut-all" },
    done: ({ cut, allCut }) => allCut !== null && cut === 0,
  },
  {
    title: "An arc should change nothing",
    text: "Now orange has arcs, too, but each halves what it carries. 36 halvings leave less than one part in fifty billion over the arcs alone; the page proves it for this very network, whatever it has learned: see the certificate. Some more comes through the boxes, and yet it reads badly. *An arc should carry its input unchanged.* Now change anything: every setting is in the address, so you can send it to someone.",
    question: "What would you try first?",
    place: "flow",
    scene: { ...scene, preset: "half", until: 400, whole: true },
    act: null,
    done: ({ step }) => step >= 400,
  },
];

/** What the button of a card does now: a card's act may have a second half, after the first has been done. */
export function nextAct(card: WalkCard, facts: Facts): WalkCard["act"] {
  if (card.act?.does === "cut-all" && facts.blocks > 0 && facts.cut === facts.blocks) {
    return { label: "Rejoin all", does: "rejoin" };
  }
  if (card.act?.does === "cut-one" && facts.cut > 1) return null;
  if (card.act?.does === "cut-one" && facts.firstCut !== null && facts.step >= facts.firstCut + 40) {
    return { label: "Cut the box of the next block", does: "cut-branch" };
  }
  if (card.act?.does === "start" && (facts.step > 0 || facts.running)) return null;
  return card.act;
}

/** A text with *strong* words as pieces, each with whether it is strong. */
export function pieces(text: string): { readonly words: string; readonly strong: boolean }[] {
  return text
    .split("*")
    .map((words, i) => ({ words, strong: i % 2 === 1 }))
    .filter(({ words }) => words !== "");
}
