import { Pad } from "./pad.js";
import { boundsOf, drawOnPaper, widened } from "./strokes.js";

const BOX = { left: 0, top: 0, right: 0.75, bottom: 1 }; // in heights, as on the sheet of paper
const SCALE = 160; // pixels of a box's height
const MARGIN = 0.05; // heights, around words

/**
 * Boxes to write in: those of one prompt at a time.
 * Event: `stroke` when one was drawn.
 */
export class Boxes extends EventTarget {
  #pads;

  /** @param {HTMLElement} place @param {number} most boxes of a prompt */
  constructor(place, most) {
    super();
    this.#pads = Array.from({ length: most }, () => {
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      place.append(canvas);
      const pad = new Pad(canvas);
      pad.addEventListener("stroke", () => this.dispatchEvent(new Event("stroke")));
      return { canvas, pad };
    });
  }

  /** What is written in the boxes, each a list of strokes. */
  get written() {
    return this.#pads.map(({ pad }) => pad.strokes);
  }

  /** Show the boxes of a prompt, with what is written in them already. */
  show({ boxes, isCharacter }, written) {
    for (const [number, { canvas, pad }] of this.#pads.entries()) {
      canvas.hidden = number >= boxes;
      canvas.className = isCharacter ? "box-to-write" : "line-to-write";
      canvas.setAttribute("aria-label", `Box ${number + 1} of ${boxes}, for mouse, pen or finger`);
      pad.strokes = written[number] ?? [];
    }
  }
}

/** A picture of what is written, a PNG in base64: of a character the whole box, of words the ink, all to one scale. */
export function pictureOf(strokes, isCharacter) {
  const box = isCharacter ? BOX : widened(boundsOf(strokes), MARGIN);
  return drawOnPaper(strokes, SCALE, box).toDataURL().split(",")[1];
}
