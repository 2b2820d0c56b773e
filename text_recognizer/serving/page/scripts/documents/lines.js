import { element } from "../reading.js";

const DOUBTED = 0.9; // a confidence below
const LONGEST = 400; // characters of a line
const SVG = "http://www.w3.org/2000/svg";

/**
 * The lines of a page, each an input below the others and a polygon over the picture; one of them is chosen.
 * Event: `change` when what a line says was changed.
 */
export class Lines extends EventTarget {
  #rows;
  #places;
  #said = new Map();
  #lines = [];

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

  /** Show what was read of a page, and what was said of its lines instead, a map from places to texts. */
  show({ lines, width, height }, said) {
    this.#lines = lines;
    this.#said = said;
    this.#places.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#places.replaceChildren(...lines.map(polygonOf));
    this.#rows.replaceChildren(...lines.map((line, place) => rowOf(said.get(place) ?? line.text, line, place)));
    lines.forEach((_, place) => this.#mark(place));
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
    this.dispatchEvent(new Event("change"));
  }

  #mark(place) {
    this.#rows.children[place].classList.toggle("said", this.#said.has(place));
  }

  #choose(place) {
    [...this.#places.children].forEach((one, i) => one.classList.toggle("chosen", i === place));
    for (const [i, row] of [...this.#rows.children].entries()) {
      const shown = row.querySelector(".others");
      if (i !== place) shown?.remove();
      else if (!shown) row.append(this.#others(place));
    }
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
    if (!(event.target instanceof HTMLInputElement)) return;
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
