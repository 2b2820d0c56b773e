import { deleteCorrection, keepCorrection } from "./server.js";

const DOUBTFUL = 90; // percent; below this
const UNSURE = 60;
const LONGEST = 400; // characters of a line that is corrected
const LINE_END = { character: "\n", confidence: 1 };
const WORDS = { sure: "sure", doubtful: "doubtful", unsure: "a guess" };

function certainty(confidence) {
  if (percent(confidence) < UNSURE) return "unsure";
  return percent(confidence) < DOUBTFUL ? "doubtful" : "sure";
}

const percent = (confidence) => Math.round(100 * confidence);

export function element(name, { text = "", ...properties } = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}

/** The text, each character in a span that shows how sure it is by colour and by underline. */
export function showText(place, { characters }) {
  place.replaceChildren(
    ...characters.map(({ character, confidence }) =>
      element("span", { text: character, className: certainty(confidence), title: `${percent(confidence)} %` }),
    ),
  );
}

/** Rows of a table: each character, its confidence, and that in a word. */
export function showTable(body, { characters }) {
  body.replaceChildren(
    ...characters.filter(isShown).map(({ character, confidence }) => {
      const row = element("tr");
      const level = certainty(confidence);
      row.append(
        element("th", { text: character === " " ? "space" : character, scope: "row" }),
        element("td", { text: `${percent(confidence)} %` }),
        element("td", { text: WORDS[level], className: level }),
      );
      return row;
    }),
  );
}

/**
 * Boxes around the characters, each with what was read below it.
 * @param {HTMLElement} layer
 * @param {object} reading its `place` takes an x of the picture to one of `layer`, in widths of it; its characters may
 *   have a `top` and a `bottom`, in heights of `layer`
 */
export function showBoxes(layer, { characters, place }) {
  layer.replaceChildren(
    ...characters
      .filter((one) => isShown(one) && one.character !== " ")
      .map(({ character, confidence, x0, x1, top, bottom }) => {
        const box = element("span", { text: character, className: `box ${certainty(confidence)}` });
        box.style.left = `${100 * place(x0)}%`;
        box.style.width = `${100 * (place(x1) - place(x0))}%`;
        if (bottom) [box.style.top, box.style.bottom] = [`${100 * top}%`, `${100 * (1 - bottom)}%`];
        return box;
      }),
  );
}

/** One line after the other: their texts in rows, their characters at places of the layer in widths of it. */
export function joined(lines) {
  if (lines.length === 1) return lines[0];
  const rows = lines.map(({ characters, place, top, bottom }) =>
    characters.map((one) => ({ ...one, x0: place(one.x0), x1: place(one.x1), top, bottom })),
  );
  const count = rows.flat().length;
  return {
    text: lines.map(({ text }) => text).join("\n"),
    confidence: lines.reduce((sum, line, i) => sum + line.confidence * rows[i].length, 0) / (count || 1),
    characters: rows.flatMap((row, i) => (i ? [LINE_END, ...row] : row)),
    place: (x) => x,
  };
}

const isShown = (one) => one !== LINE_END;

/** How right the whole text can be expected to be, in words. */
export function confidenceOf({ text, confidence }) {
  return text ? `About ${percent(confidence)} % of the characters are right` : "";
}

/**
 * A form for a line: what it says can be corrected, kept by the server, and deleted there again.
 * @param {{text: string, picture: Blob}} line
 * @param {number} number from 1
 * @returns {HTMLFormElement}
 */
export function correctionOf({ text, picture }, number) {
  const form = element("form", { className: "correction", autocomplete: "off" });
  const input = element("input", { value: text, maxLength: LONGEST, ariaLabel: `What line ${number} says`, spellcheck: false });
  const { parts, showState } = keeperOf({
    picture,
    text: () => input.value,
    changed: (kept) => {
      form.classList.toggle("kept", Boolean(kept));
      if (!kept) input.focus();
    },
  });
  form.addEventListener("submit", (event) => event.preventDefault()); // Enter presses “Keep”
  input.addEventListener("input", showState);
  form.append(input, ...parts);
  return form;
}

/** Whether the server keeps the line of such a form. */
export const isKept = (form) => form.classList.contains("kept");

/**
 * Buttons by which the server keeps a line and deletes it there again, and what came of it.
 * @param {object} line
 * @param {Blob | string} line.picture a string is a data: URL
 * @param {() => string} line.text what it says
 * @param {{name: string, text: string} | null} line.kept what the server keeps of it already
 * @param {(kept: {name: string, text: string} | null) => void} line.changed told what it keeps from now on
 * @returns {{parts: HTMLElement[], showState: () => void}} to be called when the text has changed
 */
export function keeperOf({ picture, text, kept = null, changed }) {
  const keep = element("button", { text: "Keep" });
  const forget = element("button", { text: "Delete", type: "button" });
  const state = element("span", { role: "status", className: "state" });

  function showState(said = "") {
    state.textContent = said || (kept?.text === text() ? "Kept." : "");
    forget.hidden = !kept;
  }

  /** Do something that the server may refuse, and say what came of it. */
  async function attempt(action) {
    if (keep.ariaDisabled === "true") return;
    keep.ariaDisabled = forget.ariaDisabled = "true"; // and not disabled: the focus would be lost
    const said = await action().catch((error) => error.message);
    keep.ariaDisabled = forget.ariaDisabled = "false";
    showState(said);
  }

  keep.addEventListener("click", () =>
    attempt(async () => {
      const said = text();
      kept = { name: await keepCorrection(picture, said), text: said };
      changed(kept);
    }),
  );
  forget.addEventListener("click", () =>
    attempt(async () => {
      await deleteCorrection(kept.name);
      kept = null;
      if (document.activeElement === forget) keep.focus(); // as that is hidden now
      changed(kept);
      return "Deleted.";
    }),
  );
  showState();
  return { parts: [keep, forget, state], showState: () => showState() };
}
