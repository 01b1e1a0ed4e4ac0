/** Errors whose message is all that the user needs: printed as one line, exit code 1. */

/** A command line that cannot be carried out. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A run that cannot go on, such as a loss that is not a number. */
export class RunError extends Error {
  override readonly name = "RunError";
}

/** What went wrong, on one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}
