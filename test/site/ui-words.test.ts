import { describe, expect, test } from "vitest";
import { csv } from "../../site/lab/ui/csv.ts";
import { Paced } from "../../site/lab/ui/paced.ts";
import { type Facts, nextAct, pieces, walkCards } from "../../site/lab/ui/walk.ts";
import {
  healthOf,
  percent,
  readingWords,
  rowSentence,
  short,
  verdictBrief,
  verdictSentence,
} from "../../site/lab/ui/words.ts";

describe("numbers in words", () => {
  test("all five states have their sentence", () => {
    expect([4, 1e-4, 1e4, 0, Number.NaN].map(healthOf)).toEqual([
      "healthy",
      "vanishing",
      "exploding",
      "dead",
      "not a number",
    ]);
    expect(verdictSentence(4)).toBe("The first layer gets 4 times the gradient of the last one: healthy.");
    expect(verdictSentence(1e-7)).toMatch(/a ten-millionth of .* vanishing/);
    expect(verdictSentence(6e4)).toMatch(/60,000 times .* exploding/);
    expect(verdictSentence(0)).toMatch(/exactly zero/);
    expect(verdictSentence(Number.NaN)).toMatch(/not a number/);
    expect(verdictBrief(3.9)).toBe("first layers ×4");
    expect(verdictBrief(1e-8)).toBe("first layers: a hundred-millionth");
    expect(readingWords(0.11, 300, "digits")).toMatch(/guessing/);
    expect(readingWords(0.7, 300, "digits")).not.toMatch(/guessing/);
  });

  test("numbers are short and keep their power", () => {
    expect([4600, 1.5e-7, 0.038, 12, 0, Number.NaN, Number.POSITIVE_INFINITY].map(short)).toEqual([
      "4.6·10³",
      "1.5·10⁻⁷",
      "0.038",
      "12",
      "0",
      "not a number",
      "∞",
    ]);
    expect([0.724, Number.NaN].map(percent)).toEqual(["72 %", "–"]);
  });

  test("a row of layers for the ear", () => {
    expect(rowSentence("With", [0.1, 0.02, 0.05])).toBe("With: between 0.01 and 0.1 at all 3 layers");
    expect(rowSentence("Without", [1e-12, 1e-6, 1e-3])).toBe(
      "Without: falls from 0.001 at the loss to 10 to the minus 12 at the image",
    );
    expect(rowSentence("Burst", [1e5, 1, 0.1])).toBe("Burst: rises from 0.1 at the loss to 10 to the 5 at the image");
    expect(rowSentence("Half", [0, 1, 1])).toBe("Half: 1 of 3 layers get no gradient");
    expect(rowSentence("Dead", [0, 0])).toBe("Dead: no gradient anywhere");
  });
});

describe("the walk", () => {
  const facts: Facts = { step: 0, running: false, blocks: 36, cut: 0, firstCut: null, allCut: null, lastEvent: null };
  test("seven cards, each with strong words, a question and a place", () => {
    expect(walkCards).toHaveLength(7);
    for (const card of walkCards) {
      expect(pieces(card.text).filter(({ strong }) => strong)).not.toHaveLength(0);
      expect(card.question).toMatch(/\?|\.$/);
      expect(card.done(facts)).toBe(false);
    }
  });
  test("a card waits for its condition", () => {
    expect(walkCards[0]!.done({ ...facts, step: 1 })).toBe(true);
    expect(walkCards[1]!.done({ ...facts, step: 39 })).toBe(false);
    expect(walkCards[1]!.done({ ...facts, step: 40 })).toBe(true);
    expect(walkCards[4]!.done({ ...facts, step: 459, firstCut: 400, cut: 1 })).toBe(false);
    expect(walkCards[4]!.done({ ...facts, step: 460, firstCut: 400, cut: 1 })).toBe(true);
    expect(walkCards[5]!.done({ ...facts, step: 500, allCut: 450, cut: 36 })).toBe(false);
    expect(walkCards[5]!.done({ ...facts, step: 500, allCut: 450, cut: 0 })).toBe(true);
  });
  test("the act of a card has a second half", () => {
    expect(nextAct(walkCards[0]!, facts)?.does).toBe("start");
    expect(nextAct(walkCards[0]!, { ...facts, step: 3 })).toBeNull();
    expect(nextAct(walkCards[4]!, { ...facts, step: 430, firstCut: 400 })?.does).toBe("cut-one");
    expect(nextAct(walkCards[4]!, { ...facts, step: 440, firstCut: 400 })?.does).toBe("cut-branch");
    expect(nextAct(walkCards[4]!, { ...facts, step: 445, firstCut: 400, cut: 2 })).toBeNull();
    expect(nextAct(walkCards[5]!, { ...facts, cut: 35 })?.does).toBe("cut-all");
    expect(nextAct(walkCards[5]!, { ...facts, cut: 36 })?.does).toBe("rejoin");
  });
});

describe("pacing and tables", () => {
  test("at most one call in an interval, and the last value is never lost", () => {
    let time = 0;
    const later: { at: number; run: () => void }[] = [];
    const got: [number, string][] = [];
    const paced = new Paced<string>((value) => got.push([time, value]), 1000, {
      now: () => time,
      later: (run, milliseconds) => later.push({ at: time + milliseconds, run }),
    });
    const goTo = (to: number): void => {
      time = to;
      for (const { run } of later.filter(({ at }) => at <= to)) run();
      later.splice(0, later.length, ...later.filter(({ at }) => at > to));
    };
    paced.push("a");
    paced.push("b");
    goTo(400);
    paced.push("c");
    goTo(1000);
    goTo(5000);
    paced.push("d");
    paced.push("e");
    paced.drop();
    goTo(9000);
    expect(got).toEqual([
      [0, "a"],
      [1000, "c"],
      [5000, "d"],
    ]);
  });
  test("comma-separated values quote what needs it", () => {
    expect(csv({ columns: ["layer", "with"], rows: [['say "x", y', 0.5]] })).toBe(
      'layer,with\r\n"say ""x"", y",0.5\r\n',
    );
  });
});
