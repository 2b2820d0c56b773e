const PAUSE = 60; // milliseconds between two questions
const FIRST_WAIT = 1; // seconds until the first retry; doubled each time
const LONGEST_WAIT = 15;
const SLOW = 2000; // milliseconds without an answer, until that is said

/** Wait, but no longer than until the signal comes. */
const sleep = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()));
  });

/**
 * Keeps an answer up to date with a question that changes faster than it can be answered: asks one at a time, always
 * the newest, and asks again for as long as the server is away or busy.
 */
export class Live {
  #waiting = null;
  #busy = false;
  #wanted = null; // what ends the question that is asked
  #answered;
  #failed;
  #slow;

  /**
   * @param {object} callbacks
   * @param {(answer: any) => void} callbacks.answered
   * @param {(error: Error, seconds: number | null) => void} callbacks.failed seconds until the next try, null: none
   * @param {() => void} callbacks.slow called when an answer takes long
   */
  constructor({ answered, failed, slow }) {
    this.#answered = answered;
    this.#failed = failed;
    this.#slow = slow;
  }

  /**
   * @param {(signal: AbortSignal) => Promise<any>} question gets an answer, until the signal says that nobody wants it; it
   *   replaces a question that waits
   */
  ask(question) {
    this.#waiting = question;
    if (!this.#busy) this.#work();
  }

  /** Drop what is asked: nothing more is said about it, and the next question waits for none of it. */
  forget() {
    this.#waiting = null;
    this.#wanted?.abort();
  }

  async #work() {
    this.#busy = true;
    for (let failures = 0; this.#waiting; ) {
      const question = this.#waiting;
      this.#waiting = null;
      this.#wanted = new AbortController();
      const { signal } = this.#wanted;
      const timer = setTimeout(() => signal.aborted || this.#slow(), SLOW);
      try {
        const answer = await question(signal);
        clearTimeout(timer);
        failures = 0;
        if (!signal.aborted) this.#answered(answer);
        await sleep(PAUSE, signal);
      } catch (error) {
        clearTimeout(timer);
        if (signal.aborted) continue;
        const seconds = error.retry ? (error.seconds ?? Math.min(FIRST_WAIT * 2 ** failures++, LONGEST_WAIT)) : null;
        this.#failed(error, seconds);
        await sleep(1000 * (seconds ?? 0), signal);
        if (seconds !== null && !signal.aborted) this.#waiting ??= question;
      }
    }
    this.#busy = false;
  }
}
