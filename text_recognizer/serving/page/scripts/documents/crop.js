const SVG = "http://www.w3.org/2000/svg";
const LEAST = 0.05; // of a side
const EDGES = ["left", "top", "right", "bottom"];
const ALL = { left: 0, top: 0, right: 1, bottom: 1 };

/** Which part of a picture is wanted: dragged with mouse, pen or finger, or set by four sliders. */
export class Crop {
  #sheet;
  #layer;
  #inputs;
  #start = null;
  #frame = document.createElementNS(SVG, "rect");
  edges = { ...ALL };

  /** @param {HTMLElement} sheet @param {SVGElement} layer over it @param {(id: string) => HTMLInputElement} by */
  constructor(sheet, layer, by) {
    [this.#sheet, this.#layer] = [sheet, layer];
    this.#inputs = EDGES.map((edge) => [edge, by(edge)]);
    for (const [edge, input] of this.#inputs) {
      input.addEventListener("input", () => this.#set({ ...this.edges, [edge]: input.value / 100 }));
    }
    sheet.addEventListener("pointerdown", (event) => this.#down(event));
    sheet.addEventListener("pointermove", (event) => this.#start && this.#drag(event));
    sheet.addEventListener("pointerup", () => (this.#start = null));
    sheet.addEventListener("pointercancel", () => (this.#start = null));
  }

  get isOpen() {
    return this.#sheet.classList.contains("cropped");
  }

  open() {
    this.#sheet.classList.add("cropped");
    this.#layer.append(this.#frame);
    this.#set(ALL);
  }

  close() {
    this.#sheet.classList.remove("cropped");
    this.#frame.remove();
  }

  #down(event) {
    if (!this.isOpen) return;
    event.preventDefault();
    this.#sheet.setPointerCapture(event.pointerId);
    this.#start = this.#point(event);
  }

  #drag(event) {
    const [[x0, y0], [x1, y1]] = [this.#start, this.#point(event)];
    this.#set({ left: Math.min(x0, x1), top: Math.min(y0, y1), right: Math.max(x0, x1), bottom: Math.max(y0, y1) });
  }

  #point({ clientX, clientY }) {
    const { left, top, width, height } = this.#sheet.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height].map((at) => Math.min(1, Math.max(0, at)));
  }

  #set({ left, top, right, bottom }) {
    [left, top] = [Math.min(left, 1 - LEAST), Math.min(top, 1 - LEAST)];
    this.edges = { left, top, right: Math.max(right, left + LEAST), bottom: Math.max(bottom, top + LEAST) };
    for (const [edge, input] of this.#inputs) input.value = 100 * this.edges[edge];
    const { x, y, width, height } = this.#layer.viewBox.baseVal;
    const sides = { x: x + left * width, y: y + top * height };
    sides.width = (this.edges.right - left) * width;
    sides.height = (this.edges.bottom - top) * height;
    for (const [name, value] of Object.entries(sides)) this.#frame.setAttribute(name, value);
  }
}
