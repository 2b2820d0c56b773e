import { element, keeperOf } from "../reading.js";

const DOUBTED = 0.9; // a confidence below
const LONGEST = 400; // characters of a line
const SVG = "http://www.w3.org/2000/svg";

/**
 * The lines of a page, each an input below the others and a polygon over the picture; one of them is chosen.
 * Event: `change` when what a line says was changed, or what the server keeps of it.
 */
export class Lines extends EventTarget {
  #rows;
  #places;
  #said = new Map();
  #kept = new Map();
  #states = new Map();
  #lines = [];
  /** Whether the server keeps lines. */
  keeps = false;

  /** @param {HTMLElement} rows @param {SVGElement} places */
  constructor(rows, places) {
    super();
    this.#rows = rows;
    this.#places = places;
    rows.addEventListener("focusin", ({ target }) => this.#choose(this.#placeOf(target)));
    rows.addEventListener("input", ({ target }) => this.#say(this.#placeOf(target), target.value));
    rows.addEventListener("keydown", (event) => this.#key(event));
    places.addEventListener("click", ({ target }) => {
      const place = [...places.querySelectorAll("polygon")].indexOf(target);
      if (place >= 0) this.#inputOf(place).focus();
    });
  }

  /**
   * Show what was read of a page.
   * @param {Map<number, string>} said texts that lines say instead, by their places
   * @param {Map<number, object>} kept what the server keeps of lines, by their places
   */
  show({ lines, width, height }, said, kept = new Map()) {
    this.#lines = lines;
    [this.#said, this.#kept, this.#states] = [said, kept, new Map()];
    this.#places.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#places.replaceChildren(...lines.map(polygonOf));
    this.#rows.replaceChildren(...lines.map((line, place) => rowOf(said.get(place) ?? line.text, line, place)));
    lines.forEach((_, place) => this.#mark(place));
    for (const place of kept.keys()) this.#offerToKeep(place);
  }

  clear() {
    this.show({ lines: [], width: 1, height: 1 }, new Map());
  }

  /** All lines as they are now. */
  get text() {
    return this.#lines.map(({ text }, place) => this.#said.get(place) ?? text).join("\n");
  }

  #placeOf = (inside) => [...this.#rows.children].indexOf(inside.closest("li"));
  #inputOf = (place) => this.#rows.children[place]?.querySelector("input");

  #say(place, text) {
    if (text === this.#lines[place].text) this.#said.delete(place);
    else this.#said.set(place, text);
    this.#mark(place);
    this.#states.get(place)?.();
    this.dispatchEvent(new Event("change"));
  }

  #mark(place) {
    this.#rows.children[place].classList.toggle("said", this.#said.has(place));
  }

  #choose(place) {
    [...this.#places.children].forEach((one, i) => one.classList.toggle("chosen", i === place));
    for (const [i, row] of [...this.#rows.children].entries()) {
      const [others, keeper] = [row.querySelector(".others"), row.querySelector(".keeper")];
      if (i !== place) others?.remove();
      else if (!others) row.append(this.#others(place));
      if (i !== place && !this.#kept.has(i)) keeper?.remove();
      else if (i === place && !keeper && this.keeps && this.#lines[i].prepared) this.#offerToKeep(i);
    }
  }

  /** Add buttons by which the server keeps a line as it is now. They stay where it does. */
  #offerToKeep(place) {
    const group = element("div", { className: "keeper", role: "group", ariaLabel: `Keep line ${place + 1}` });
    const ofPage = this.#kept; // another may be shown when the server answers
    const { parts, showState } = keeperOf({
      picture: this.#lines[place].prepared,
      text: () => this.#said.get(place) ?? this.#lines[place].text,
      kept: ofPage.get(place),
      changed: (kept) => {
        if (kept) ofPage.set(place, kept);
        else ofPage.delete(place);
        this.dispatchEvent(new Event("change"));
      },
    });
    this.#states.set(place, showState);
    group.append(...parts);
    this.#inputOf(place).after(group);
  }

  /** Buttons for other readings of a line. */
  #others(place) {
    const group = element("div", { className: "others", role: "group", ariaLabel: `Other readings of line ${place + 1}` });
    const texts = [this.#lines[place].text, ...this.#lines[place].alternatives.map(({ text }) => text)];
    for (const text of new Set(texts.filter(Boolean))) {
      const button = element("button", { text, type: "button" });
      button.addEventListener("click", () => this.#take(place, text));
      group.append(button);
    }
    return group;
  }

  #take(place, text) {
    const input = this.#inputOf(place);
    input.value = text;
    this.#say(place, text);
    input.focus();
  }

  #key(event) {
    if (!(event.target instanceof HTMLInputElement) || event.isComposing) return;
    const place = this.#placeOf(event.target);
    const step = { ArrowDown: 1, Enter: 1, ArrowUp: -1 }[event.key];
    if (step) this.#inputOf(place + step)?.focus();
    else if (event.key === "Escape") this.#take(place, this.#lines[place].text);
    else return;
    event.preventDefault();
  }
}

function polygonOf({ polygon, confidence }) {
  const shape = document.createElementNS(SVG, "polygon");
  shape.setAttribute("points", polygon.map((point) => point.join(",")).join(" "));
  shape.classList.toggle("doubted", confidence < DOUBTED);
  return shape;
}

function rowOf(text, { confidence }, place) {
  const row = element("li", { className: confidence < DOUBTED ? "doubted" : "" });
  const sure = `${Math.round(100 * confidence)} % sure`;
  row.append(
    element("input", {
      type: "text",
      value: text,
      title: sure,
      ariaLabel: `Line ${place + 1}, ${sure}`,
      maxLength: LONGEST,
      spellcheck: false,
      autocomplete: "off",
    }),
  );
  return row;
}
