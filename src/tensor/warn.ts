/** Prints a warning on the console. The library is compiled without a platform's types, but all have a console. */
export function warn(message: string): void {
  (globalThis as unknown as { console?: { warn(message: string): void } }).console?.warn(`skipstone: ${message}`);
}
