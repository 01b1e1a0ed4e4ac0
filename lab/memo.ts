/** What one task leaves to the next in a thread: a value that is dear to make, such as a trained network. */
import type { Context } from "./experiment.ts";

/** The last value alone is kept: networks are large. */
export function rememberLast(): Context["remember"] {
  let last: { readonly key: string; readonly value: unknown } | undefined;
  return async <V>(key: string, make: () => Promise<V>): Promise<V> => {
    if (last?.key !== key) {
      last = undefined;
      last = { key, value: await make() };
    }
    return last.value as V;
  };
}
