const DOUBTFUL = 90; // percent; below this
const UNSURE = 60;
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
    ...characters.map(({ character, confidence }) => {
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
 * @param {object} reading its `place` takes an x of the picture to one of `layer`, in widths of it
 */
export function showBoxes(layer, { characters, place }) {
  layer.replaceChildren(
    ...characters
      .filter(({ character }) => character !== " ")
      .map(({ character, confidence, x0, x1 }) => {
        const box = element("span", { text: character, className: `box ${certainty(confidence)}` });
        box.style.left = `${100 * place(x0)}%`;
        box.style.width = `${100 * (place(x1) - place(x0))}%`;
        return box;
      }),
  );
}

/** How sure the whole text is, in words. */
export function confidenceOf({ text, confidence }) {
  return text ? `${percent(confidence)} % sure of the whole line` : "";
}
