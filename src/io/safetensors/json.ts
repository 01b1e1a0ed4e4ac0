/**
 * A strict JSON reader (RFC 8259) that walks a text in the order its caller asks for. `JSON.parse` would not notice a
 * repeated name, would round large numbers, and would build unneeded objects.
 */

export class JsonCursor {
  readonly #text: string;
  readonly #complain: (message: string) => never;
  #at = 0;

  /** `complain` is called with the place and the fault, and throws. */
  constructor(text: string, complain: (message: string) => never) {
    this.#text = text;
    this.#complain = complain;
  }

  /** `{ … }`: calls `member` with each name; `member` reads the value. */
  object(what: string, member: (name: string) => void): void {
    this.#list(what, "{", "}", () => {
      const name = this.string(`a name in ${what}`);
      this.#expect(":", what);
      member(name);
    });
  }

  /** `[ … ]`: calls `item` before each item; `item` reads it. */
  array(what: string, item: () => void): void {
    this.#list(what, "[", "]", item);
  }

  string(what: string): string {
    this.#expect('"', what);
    const start = this.#at - 1;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      // NaN at the end of the text; JSON has no bare control characters.
      if (!(code >= 0x20)) this.fail(`${what} is an unterminated string`);
      this.#at += code === 0x5c ? 2 : 1;
      if (code === 0x22) break;
    }
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      return this.fail(`${what} has an escape unknown to JSON`);
    }
  }

  /** A whole number of 0 or more, exactly. */
  wholeNumber(what: string): number {
    this.#skipSpace();
    const start = this.#at;
    while (this.#text[this.#at] >= "0" && this.#text[this.#at] <= "9") this.#at++;
    const digits = this.#text.slice(start, this.#at);
    const value = Number(digits);
    // String() undoes Number() only for whole numbers without leading zeros.
    if (digits === "" || !Number.isSafeInteger(value) || String(value) !== digits) {
      this.#at = start;
      this.fail(`${what} must be a whole number from 0 to 2^53 − 1`);
    }
    return value;
  }

  /** Only white space may follow. */
  end(what: string): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.fail(`something follows ${what}`);
  }

  fail(message: string): never {
    return this.#complain(`character ${this.#at}: ${message}`);
  }

  #list(what: string, open: string, close: string, item: () => void): void {
    this.#expect(open, what);
    if (this.#next() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      if (this.#next() === close) {
        this.#at++;
        return;
      }
      this.#expect(",", what);
    }
  }

  #expect(character: string, what: string): void {
    if (this.#next() !== character) {
      const found = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : "its end";
      this.fail(`expected ${JSON.stringify(character)} for ${what}, found ${found}`);
    }
    this.#at++;
  }

  #next(): string {
    this.#skipSpace();
    return this.#text[this.#at];
  }

  #skipSpace(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }
}
