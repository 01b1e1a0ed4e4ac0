/** The page's address follows the run and the view, and the run follows the address when the reader goes back or forward. */
import { type Address, readAddress, type View, writeAddress } from "../state.ts";
import type { Model } from "./model.ts";
import { Paced } from "./paced.ts";

export interface Addressing {
  /** What the address says. */
  read(): Address;
  /** Writes the address in a moment: browsers allow few changes. */
  follow(): void;
  /** Writes it now, as an entry of its own, so that Back leads here. */
  push(): void;
  /** The whole address of this moment, with what a link adds. */
  link(extra: Pick<View, "target" | "fingerprint" | "drawings">): string;
  end(): void;
}

/** `went` is called when the reader has gone back or forward, or has changed the address by hand. */
export function addressing(model: Model, went: (address: Address) => void): Addressing {
  let unknown: readonly string[] = [];
  const read = (): Address => {
    const address = readAddress(location.hash);
    unknown = address.unknown;
    return address;
  };
  const view = (extra?: Partial<View>): View => ({
    pace: model.pace,
    walk: model.walk,
    view: model.view,
    block: model.picked && model.chosen?.side === "a" ? model.chosen.first : null,
    target: null,
    fingerprint: null,
    drawings: false,
    ...extra,
  });
  const write = (extra?: Partial<View>): string => {
    const hash = writeAddress(model.run, view(extra), unknown);
    return hash === "" || hash.startsWith("#") ? hash : `#${hash}`;
  };
  // Entries without a state are ours: VitePress mounts the page anew where it finds one of its own.
  if (history.state !== null) history.replaceState(null, "", location.href);
  const full = (hash: string): string => `${location.pathname}${location.search}${hash}`;
  const replace = new Paced<void>(() => {
    const hash = write();
    if (hash !== location.hash) history.replaceState(null, "", full(hash));
  }, 1000);
  const onChange = (): void => {
    replace.drop();
    if (location.hash !== write()) went(read());
  };
  addEventListener("popstate", onChange);
  return {
    read,
    follow: () => replace.push(),
    push() {
      replace.drop();
      const hash = write();
      if (hash !== location.hash) history.pushState(null, "", full(hash));
    },
    link: (extra) => `${location.origin}${full(write(extra))}`,
    end() {
      replace.drop();
      removeEventListener("popstate", onChange);
    },
  };
}

/** What is said on arrival at a link's step: whether the bits are the sender's. Null: the link had no fingerprint. */
export function arrivalWords(step: number, expected: string | null, found: string): string | null {
  if (expected === null) return null;
  if (expected === found) return `Step ${step}: the same bits as the sender's, in both networks.`;
  return `Step ${step}: another kind of machine or tier: the same run, other last bits. The network without skip connections is chaotic: its curve may differ visibly.`;
}
