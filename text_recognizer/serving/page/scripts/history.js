/** States one can go back to. States are never changed, only replaced. */
export class History {
  #states;
  #now = 0;

  constructor(first) {
    this.#states = [first];
  }

  get current() {
    return this.#states[this.#now];
  }

  get canUndo() {
    return this.#now > 0;
  }

  get canRedo() {
    return this.#now < this.#states.length - 1;
  }

  /** Go on to a new state; what was undone before is forgotten. */
  push(state) {
    this.#states.splice(++this.#now, Infinity, state);
  }

  undo() {
    if (this.canUndo) this.#now--;
    return this.current;
  }

  redo() {
    if (this.canRedo) this.#now++;
    return this.current;
  }
}
