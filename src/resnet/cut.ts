/**
 * Cutting one of a block's two paths, and rejoining it: no number changes, so that a network in which everything is rejoined
 * is what it was, bit for bit.
 */
import { Module } from "../nn/module.ts";
import { checkBoolean, checkOneOf } from "../tensor/arguments.ts";
import type { ShortcutKind } from "./shortcut.ts";

/**
 * Which path of y = after(s(x) + F(x)) is cut: with "shortcut" y = after(F(x)), as in the plain twin; with "branch"
 * y = after(s(x)), as if F were zero, at the shortcut's cost.
 */
export type Cut = "shortcut" | "branch" | "none";

/** A block whose paths can be cut. */
export abstract class CuttableBlock<Kind extends ShortcutKind = ShortcutKind> extends Module {
  #cut: Cut = "none";

  /** The shortcut it was made with, which it has again as soon as that is rejoined. */
  abstract readonly uncutShortcut: Kind;

  /**
   * Which path is left out. Blocks start with "none", and take "none" to be whole again. It is no part of the state dict: a
   * program that goes on from a checkpoint cuts what was cut.
   *
   * @throws ValueError for anything but "shortcut", "branch" and "none".
   */
  get cut(): Cut {
    return this.#cut;
  }

  set cut(cut: Cut) {
    checkOneOf(this.constructor.name, "cut", cut, ["shortcut", "branch", "none"]);
    this.#cut = cut;
  }

  /** Whether `cut` is "branch". Setting it to false rejoins a branch, and leaves a cut shortcut cut. */
  get collapsed(): boolean {
    return this.#cut === "branch";
  }

  set collapsed(collapsed: boolean) {
    checkBoolean(this.constructor.name, "collapsed", collapsed);
    if (collapsed !== this.collapsed) this.#cut = collapsed ? "branch" : "none";
  }

  /** What it does now: "none" while the shortcut is cut, so that every instrument takes it for its plain twin. */
  get shortcut(): Kind | "none" {
    return this.#cut === "shortcut" ? "none" : this.uncutShortcut;
  }

  /** `description`, and what is cut. */
  protected describeCut(description: string): string {
    return this.#cut === "none" ? description : `${description}, ${this.#cut} cut`;
  }
}
