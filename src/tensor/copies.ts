/**
 * Telling objects of this copy of the library from those of another one.
 *
 * Two copies (two bundles, a duplicate in node_modules, the builds of a page and of its worker) have kernels, steps and
 * recording of their own each: what one computes, the other does not know of. So they do not work together: an object of
 * another copy is refused wherever it is met, and not half accepted (docs/decisions/0011-two-copies-do-not-work-together.md).
 */

/** What objects carry on their prototypes: the same symbol in every copy, with a value of its own in each. */
const MARK: symbol = /* @__PURE__ */ Symbol.for("skipstone.copy");

type Kind = "tensor" | "module" | "gradients" | "optimizer";

/** The values of the mark in this copy. */
const OURS: Readonly<Record<Kind, { readonly kind: Kind }>> = {
  tensor: { kind: "tensor" },
  module: { kind: "module" },
  gradients: { kind: "gradients" },
  optimizer: { kind: "optimizer" },
};

export const TWO_COPIES: string =
  "two copies of Skipstone are loaded, and they do not work together: look for a duplicate (npm ls skipstone), for two bundles that each contain it, or for a page's build beside a worker's";

/** Marks the prototype of a class of this copy. */
export function markCopy(prototype: object, kind: Kind): void {
  if (!Object.hasOwn(prototype, MARK)) Object.defineProperty(prototype, MARK, { value: OURS[kind] });
}

/** Whether `value` is of that kind, and of this copy. */
export function isOurs(value: unknown, kind: Kind): boolean {
  return typeof value === "object" && value !== null && markOf(value) === OURS[kind];
}

/** Whether `value` is a tensor, a module or the like of another copy. */
export function isForeign(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const mark = markOf(value);
  return mark !== undefined && OURS[mark.kind] !== mark;
}

/** Whether `value` is a class of objects of that kind, of whatever copy. */
export function isClassOf(value: unknown, kind: Kind): value is { readonly name: string } {
  return typeof value === "function" && typeof value.prototype === "object" && markOf(value.prototype)?.kind === kind;
}

function markOf(value: object): { readonly kind: Kind } | undefined {
  return (value as { readonly [mark: symbol]: { readonly kind: Kind } | undefined })[MARK];
}
