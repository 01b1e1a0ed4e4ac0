/**
 * Tells this copy's objects from those of another copy of the library.
 *
 * Two copies (two bundles, a duplicate in node_modules, the builds of a page and of its worker) each have their own
 * kernels, steps and recording, and neither knows what the other computes. So they do not work together: an object of
 * another copy is refused at first touch, never half accepted (docs/decisions/0011-two-copies-do-not-work-together.md).
 */

/** Objects carry this on their prototypes: the same symbol in every copy, with a different value in each. */
const MARK: symbol = /* @__PURE__ */ Symbol.for("skipstone.copy");

type Kind = "tensor" | "module" | "gradients" | "optimizer";

/** This copy's values of the mark. */
const OURS: Readonly<Record<Kind, { readonly kind: Kind }>> = {
  tensor: { kind: "tensor" },
  module: { kind: "module" },
  gradients: { kind: "gradients" },
  optimizer: { kind: "optimizer" },
};

export const TWO_COPIES: string =
  "two copies of Skipstone are loaded, and they do not work together: look for a duplicate (npm ls skipstone), for two bundles that each contain it, or for a page's build beside a worker's";

/** Marks the prototype of one of this copy's classes. */
export function markCopy(prototype: object, kind: Kind): void {
  if (!Object.hasOwn(prototype, MARK)) Object.defineProperty(prototype, MARK, { value: OURS[kind] });
}

/** Whether `value` is of that kind and of this copy. */
export function isOurs(value: unknown, kind: Kind): boolean {
  return typeof value === "object" && value !== null && markOf(value) === OURS[kind];
}

/** Whether `value` is another copy's tensor, module or the like. */
export function isForeign(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const mark = markOf(value);
  return mark !== undefined && OURS[mark.kind] !== mark;
}

/** Whether `value` is a class of objects of that kind, from any copy. */
export function isClassOf(value: unknown, kind: Kind): value is { readonly name: string } {
  return typeof value === "function" && typeof value.prototype === "object" && markOf(value.prototype)?.kind === kind;
}

function markOf(value: object): { readonly kind: Kind } | undefined {
  return (value as { readonly [mark: symbol]: { readonly kind: Kind } | undefined })[MARK];
}
