/** One of the two networks as the page knows it: its worker, what it has told, and the questions that wait for an answer. */
import type { WorkerLike } from "./duo.ts";
import type { NetworkRow, ToPage, ToWorker } from "./protocol.ts";
import type { Name } from "./state.ts";
import { createStore, type Store } from "./store.ts";

/** A message that answers a question. */
type Reply = Extract<ToPage, { readonly id: number }>;

/** A question: everything that has an id. */
type Question<T> = T extends { readonly id: number } ? Omit<T, "id"> : never;

/** What a rival needs from the duo. */
export interface RivalHooks {
  /** Makes its worker; null: none can be had. */
  makeWorker(): WorkerLike | null;
  /** Makes what trains in the page's thread. */
  makeInPage(): Promise<WorkerLike>;
  /** What the worker has to be told first: when it is made, and when it is made again. */
  beginning(): readonly ToWorker[];
  told(message: ToPage): void;
  /** It trains in the page's thread from now on. */
  movedIn(): void;
}

/** One of the two networks. */
export class Rival {
  readonly name: Name;
  network: NetworkRow | null = null;
  store: Store | null = null;
  failed = false;
  readonly #hooks: RivalHooks;
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  #worker: WorkerLike | null = null;
  #inPage = false;
  #ended = false;
  #ids = 0;

  constructor(name: Name, hooks: RivalHooks) {
    this.name = name;
    this.#hooks = hooks;
    let worker: WorkerLike | null = null;
    try {
      worker = hooks.makeWorker();
    } catch {
      // Such as a page that was opened as a file, where no worker may be made.
    }
    if (worker) this.#use(worker);
    else void this.#moveIn("no worker can be had");
  }

  /** Steps made. */
  get step(): number {
    return this.store?.step ?? 0;
  }

  /** Whether it is there, or never will be. */
  get settled(): boolean {
    return this.network !== null || this.failed;
  }

  send(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  /** Asks, and waits for the answer. Rejects in the words of what went wrong. */
  ask<T extends Reply["type"]>(question: Question<ToWorker>, answer: T): Promise<Extract<Reply, { readonly type: T }>> {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: (reply) => {
          if (reply.type === answer) resolve(reply as Extract<Reply, { readonly type: T }>);
          else reject(new Error(reply.type === "refused" ? reply.error : `an answer of another kind: ${reply.type}`));
        },
        reject,
      });
      this.send({ ...question, id } as ToWorker);
    });
  }

  end(): void {
    this.#ended = true;
    this.#worker?.terminate();
    this.#giveUp("The run has ended.");
  }

  #use(worker: WorkerLike): void {
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      if (!this.#ended && this.#worker === worker) this.#receive(data);
    };
    worker.onerror = ({ message }) => {
      if (!this.#ended && this.#worker === worker && !this.#inPage) void this.#moveIn(message ?? "the worker failed");
    };
    for (const message of this.#hooks.beginning()) worker.postMessage(message);
  }

  /** Trains on in the page's thread: from the beginning, to the same bits. */
  async #moveIn(why: string): Promise<void> {
    this.#worker?.terminate();
    this.#worker = null;
    this.#giveUp(why);
    const worker = await this.#hooks.makeInPage();
    if (this.#ended) {
      worker.terminate();
      return;
    }
    this.#inPage = true;
    this.#use(worker);
    this.#hooks.movedIn();
  }

  #giveUp(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  #receive(message: ToPage): void {
    if ("id" in message) {
      this.#waiting.get(message.id)?.resolve(message);
      this.#waiting.delete(message.id);
      return;
    }
    if (message.type === "ready") {
      this.network = message.network;
      this.store ??= createStore(message.network.layers.length);
    } else if (message.type === "changed") this.network = message.network;
    else if (message.type === "rows") this.store!.add(message);
    else if (message.type === "failed") this.failed = true;
    this.#hooks.told(message);
  }
}
