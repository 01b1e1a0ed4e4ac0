/** Says something on the console. The library is compiled without a platform's types, and all of them have one. */
export function warn(message: string): void {
  (globalThis as unknown as { console?: { warn(message: string): void } }).console?.warn(`skipstone: ${message}`);
}
