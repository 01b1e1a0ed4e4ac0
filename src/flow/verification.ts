/** The findings of a verification, field by field. */

/** What `verifyCertificate` returns. */
export interface Verification {
  /** Whether nothing was found against the certificate. */
  readonly valid: boolean;
  /** The findings: the field, the certificate's value, and the value found. */
  readonly failures: readonly string[];
  /** Fields that were taken on trust, and why. All others were derived again and agree with the certificate. */
  readonly unchecked: readonly string[];
}

/** Collects the findings. */
export class Report {
  readonly failures: string[] = [];
  readonly #trusted = new Map<string, string>();
  /** By field: whether the certificate's value is as good as the one found. */
  readonly #tolerances = new Map<string, (claimed: unknown) => boolean>();

  fail(field: string, what: string): void {
    this.failures.push(`${field}: ${what}`);
  }

  trust(field: string, why: string): void {
    this.#trusted.set(field, why);
  }

  tolerate(field: string, isAsGood: (claimed: unknown) => boolean): void {
    this.#tolerances.set(field, isAsGood);
  }

  /** Compares every field of both, however deep. */
  compare(field: string, claimed: unknown, found: unknown): void {
    if (this.#trusted.has(field) || Object.is(claimed, found)) return;
    if (this.#tolerances.get(field)?.(claimed)) return;
    if (typeof claimed === "object" && typeof found === "object" && claimed !== null && found !== null) {
      if (Array.isArray(claimed) !== Array.isArray(found)) this.fail(field, "is of another kind");
      for (const key of new Set([...Object.keys(claimed), ...Object.keys(found)])) {
        const name = Array.isArray(found) ? `${field}[${key}]` : field === "" ? key : `${field}.${key}`;
        const [a, b] = [claimed, found].map((o) => (o as Record<string, unknown>)[key]);
        if (!(key in found)) this.fail(name, "is not a field of this certificate");
        else if (!(key in claimed)) this.fail(name, "is missing");
        else this.compare(name, a, b);
      }
      return;
    }
    this.fail(field, `is ${shown(claimed)}, found ${shown(found)}`);
  }

  result(): Verification {
    const unchecked = [...this.#trusted].map(([field, why]) => `${field}: ${why}`);
    return { valid: this.failures.length === 0, failures: this.failures, unchecked };
  }
}

export function shown(value: unknown): string {
  return typeof value === "number" ? `${value}` : (JSON.stringify(value) ?? `${value}`);
}
