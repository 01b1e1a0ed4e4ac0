import { describe, expect, test } from "vitest";
import type { Duo } from "../../site/lab/duo.ts";
import { DEFAULT_RUN, type Event } from "../../site/lab/state.ts";
import { arrivalWords } from "../../site/lab/ui/addressing.ts";
import { isPlainTwin, type Model, namesOf, sideTitle, stageRange } from "../../site/lab/ui/model.ts";
import { rateNow } from "../../site/lab/ui/settings.ts";
import { type Scene, walkCards } from "../../site/lab/ui/walk.ts";
import { enterScene, factsOf } from "../../site/lab/ui/walk-run.ts";

const cut = (
  step: number,
  blocks: [number, number],
  part: "shortcut" | "branch" | "none",
  side: Event["side"] = "a",
): Event => ({
  step,
  side,
  blocks,
  change: { kind: "cut", part },
});

function modelAt(step: number, events: readonly Event[] = []): Model {
  const blocks = Array.from({ length: 36 }, (_, i) => ({ stage: Math.floor(i / 12), cut: "none" }));
  return {
    step,
    playing: false,
    run: { ...DEFAULT_RUN, events },
    sides: { a: { network: { blocks } } },
  } as unknown as Model;
}

/** What a scene did with the run, as a list. */
async function enter(scene: Scene, model: Model): Promise<string[]> {
  const done: string[] = [];
  const duo = {
    run: model.run,
    pause: () => done.push("pause"),
    resume: () => done.push("resume"),
    goTo: async (step: number) => done.push(`go to ${step}`),
  } as unknown as Duo;
  await enterScene(scene, model, {
    duo,
    begin: async (_, start) => {
      done.push(`begin ${JSON.stringify(start)}`);
    },
    pauseAt: (step) => step !== null && done.push(`pause at ${step}`),
  });
  return done;
}

describe("entering a card brings the run to its step", () => {
  test("card 1 begins anew at step 0, paused", async () => {
    expect(await enter(walkCards[0]!.scene, modelAt(0))).toEqual(["pause"]);
    expect(await enter(walkCards[0]!.scene, modelAt(90))).toEqual(['begin {"paused":true}']);
  });
  test("card 2 goes on from where the run is, slowly, to 40; from beyond it begins anew", async () => {
    expect(await enter(walkCards[1]!.scene, modelAt(7))).toEqual(["pause at 40", "resume"]);
    expect(await enter(walkCards[1]!.scene, modelAt(41))).toEqual(["pause at 40", "begin {}"]);
  });
  test("card 4 goes to 400, and undoes cuts by beginning anew", async () => {
    expect(await enter(walkCards[3]!.scene, modelAt(44))).toEqual(["go to 400"]);
    expect(await enter(walkCards[3]!.scene, modelAt(200, [cut(100, [0, 0], "shortcut")]))).toEqual([
      'begin {"target":400}',
    ]);
  });
  test("cards 5 and 6 keep what was cut, and go on from 400", async () => {
    expect(await enter(walkCards[4]!.scene, modelAt(500, [cut(450, [17, 17], "shortcut")]))).toEqual(["resume"]);
    expect(await enter(walkCards[5]!.scene, modelAt(100))).toEqual(["go to 400", "resume"]);
  });
  test("card 7 is another preset", async () => {
    expect(await enter(walkCards[6]!.scene, modelAt(500))).toEqual(['begin {"target":400}']);
  });
});

test("what the walk asks of a run's events: cuts of the upper network only", () => {
  const events = [
    cut(10, [0, 35], "shortcut", "b"),
    cut(20, [17, 17], "shortcut"),
    cut(60, [0, 35], "shortcut"),
    cut(90, [0, 35], "none"),
  ];
  expect(factsOf(modelAt(100, events))).toMatchObject({
    step: 100,
    blocks: 36,
    cut: 0,
    firstCut: 20,
    allCut: 60,
    lastEvent: 90,
  });
  expect(factsOf(modelAt(5))).toMatchObject({ firstCut: null, allCut: null, lastEvent: null });
});

test("arrival at a link's step compares bits", () => {
  expect(arrivalWords(400, null, "s1")).toBeNull();
  expect(arrivalWords(400, "s12", "s12")).toMatch(/the same bits/);
  expect(arrivalWords(400, "s12", "p12")).toMatch(/another kind of machine or tier/);
});

test("names, twins, stages and rates", () => {
  expect(isPlainTwin(DEFAULT_RUN)).toBe(true);
  expect(isPlainTwin({ ...DEFAULT_RUN, a: { ...DEFAULT_RUN.a, order: "post" } })).toBe(false);
  expect(namesOf(DEFAULT_RUN)).toEqual({ a: "with skip connections", b: "without" });
  const mine = {
    ...DEFAULT_RUN,
    depth: 14,
    b: { ...DEFAULT_RUN.b, shortcut: "scale" as const, order: "post" as const },
  };
  expect(sideTitle(mine, "b")).toBe("Skip connections times 0.5, post-activation");
  expect(stageRange([{ stage: 0 }, { stage: 1 }, { stage: 1 }], 1)).toEqual({ first: 1, last: 2 });
  expect(stageRange([], 0)).toBeNull();
  const rate = (step: number, side: Event["side"], value: number): Event => ({
    step,
    side,
    blocks: null,
    change: { kind: "rate", value },
  });
  const changed = { ...DEFAULT_RUN, events: [rate(5, "both", 0.02), rate(9, "b", 0.01)] };
  expect([rateNow(changed, "a"), rateNow(changed, "b")]).toEqual([0.02, 0.01]);
});
