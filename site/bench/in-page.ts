/** What the bench puts into the page before its own scripts: clocks that the page does not know of. Plain text: it runs there. */

/**
 * `skipstoneBench`: `first` and `second` are the times from navigation to the frames after the first two steps; `reactions`
 * are the times from a click or a key (its own time stamp) to the first change of the laboratory's text or attributes that
 * `watch(selector)` looks at, and the frame after it.
 */
export const CLOCKS = `
globalThis.skipstoneBench = { first: null, second: null, reactions: [], watch: null };
{
  const bench = globalThis.skipstoneBench;
  const look = (time) => {
    const step = globalThis.skipstoneLab?.step ?? 0;
    if (step >= 1) bench.first ??= performance.now();
    if (step >= 2) bench.second ??= performance.now();
    if (bench.second === null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  let since = null;
  for (const type of ["click", "keydown"]) {
    addEventListener(type, (event) => { since ??= event.timeStamp; }, { capture: true });
  }
  bench.watch = (selector) => {
    const observer = new MutationObserver(() => {
      if (since === null) return;
      const begun = since;
      since = null;
      requestAnimationFrame(() => bench.reactions.push(performance.now() - begun));
    });
    for (const element of document.querySelectorAll(selector)) {
      observer.observe(element, { attributes: true, characterData: true, childList: true, subtree: true });
    }
    return () => observer.disconnect();
  };
}
`;
