/** Progress bars: where they can be drawn, and that they leave the terminal as it was, whatever ends the program. */
import { MultiBar } from "cli-progress";

/** Columns below which bars say nothing any more. */
const NARROWEST = 60;

/** Whether an output is a terminal that can move its cursor and has room for bars. Where it is not, lines are printed. */
export function drawsBars(
  { isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  // Some terminals say 0 for a width they do not know.
  return isTTY === true && environment.TERM !== "dumb" && (columns || 100) >= NARROWEST;
}

/** Bars one below the other. `end` leaves their last state on the screen; the process's exit does too. */
export function createBars(
  output: NodeJS.WriteStream,
  format: string,
  barsize: number,
): { readonly multi: MultiBar; readonly end: () => void } {
  const multi = new MultiBar({
    stream: output,
    format,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize,
    hideCursor: true,
    fps: 8,
    // Signals are handled in stop.ts.
    gracefulExit: false,
    forceRedraw: true,
  });
  const end = (): void => {
    process.off("exit", end);
    // Shows what was logged since the last drawing.
    multi.update();
    multi.stop();
  };
  process.on("exit", end);
  return { multi, end };
}
