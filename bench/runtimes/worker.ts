/** How a worker in workerd answers: it runs the program, and waits between its parts so that the clock advances. */
import { program } from "./program.ts";

declare const scheduler: { wait(milliseconds: number): Promise<void> };
declare class Response {
  constructor(body: string);
}

export interface Handler {
  fetch(): Promise<Response>;
}

export async function answer(): Promise<Response> {
  const parts = program(Date.now);
  let part = parts.next();
  while (!part.done) {
    await scheduler.wait(1);
    part = parts.next();
  }
  return new Response(JSON.stringify(part.value));
}
