import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createBars, drawsBars } from "../../lab/bars.ts";

test("bars need a terminal that moves its cursor and is wide enough", () => {
  const xterm = { TERM: "xterm-256color" };
  expect(drawsBars({ isTTY: true, columns: 80 }, xterm)).toBe(true);
  expect(drawsBars({ isTTY: true, columns: 0 }, xterm), "a width that is not known").toBe(true);
  expect(drawsBars({ isTTY: true, columns: 40 }, xterm)).toBe(false);
  expect(drawsBars({ isTTY: true, columns: 80 }, { TERM: "dumb" })).toBe(false);
  expect(drawsBars({ columns: 80 }, xterm)).toBe(false);
});

test("at the end, which a process's exit is too, the cursor is shown again, lines wrap, and nothing logged is lost", () => {
  let text = "";
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  terminal.on("data", (part) => {
    text += part;
  });
  const before = process.listeners("exit");
  const { multi, end } = createBars(terminal as unknown as NodeJS.WriteStream, "{bar} {value}", 10);
  expect(process.listeners("exit")).toContain(end);
  multi.create(10, 3);
  expect(text).toContain("\x1b[?25l");
  multi.log("A word.\n");
  end();
  expect(text).toContain("A word.\n");
  expect(text.lastIndexOf("\x1b[?25h")).toBeGreaterThan(text.lastIndexOf("\x1b[?25l"));
  expect(text.lastIndexOf("\x1b[?7h")).toBeGreaterThan(text.lastIndexOf("\x1b[?7l"));
  expect(process.listeners("exit")).toEqual(before);
});
