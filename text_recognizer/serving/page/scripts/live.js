const PAUSE = 60; // milliseconds between two questions
const FIRST_WAIT = 1; // seconds until the first retry; doubled each time
const LONGEST_WAIT = 15;
const SLOW = 2000; // milliseconds without an answer, until that is said

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Keeps an answer up to date with a question that changes faster than it can be answered: asks one at a time, always
 * the newest, and asks again for as long as the server is away or busy.
 */
export class Live {
  #waiting = null;
  #busy = false;
  #epoch = 0;
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

  /** @param {() => Promise<any>} question gets an answer; it replaces a question that waits */
  ask(question) {
    this.#waiting = question;
    if (!this.#busy) this.#work();
  }

  /** Drop what is asked: nothing more is said about it. */
  forget() {
    this.#waiting = null;
    this.#epoch++;
  }

  async #work() {
    this.#busy = true;
    for (let failures = 0; this.#waiting; ) {
      const [question, epoch] = [this.#waiting, this.#epoch];
      this.#waiting = null;
      const timer = setTimeout(() => epoch === this.#epoch && this.#slow(), SLOW);
      try {
        const answer = await question();
        clearTimeout(timer);
        failures = 0;
        if (epoch === this.#epoch) this.#answered(answer);
        await sleep(PAUSE);
      } catch (error) {
        clearTimeout(timer);
        const seconds = error.retry ? (error.seconds ?? Math.min(FIRST_WAIT * 2 ** failures++, LONGEST_WAIT)) : null;
        if (epoch === this.#epoch) this.#failed(error, seconds);
        await sleep(1000 * (seconds ?? 0));
        if (seconds !== null && epoch === this.#epoch) this.#waiting ??= question;
      }
    }
    this.#busy = false;
  }
}
