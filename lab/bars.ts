/** Progress bars: where they can be drawn, and how they leave the terminal as it was, whatever ends the program. */
import { MultiBar } from "cli-progress";

/** Bars on fewer columns say nothing. */
const NARROWEST = 60;

/** Whether an output is a terminal that can move its cursor and has room for bars. Otherwise lines are printed. */
export function drawsBars(
  { isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  // Some terminals report an unknown width as 0.
  return isTTY === true && environment.TERM !== "dumb" && (columns || 100) >= NARROWEST;
}

/** Bars one below another. `end` leaves their last state on the screen, as does the end of the process. */
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
    // Show what was logged since the last drawing.
    multi.update();
    multi.stop();
  };
  process.on("exit", end);
  return { multi, end };
}
