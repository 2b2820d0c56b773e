import { PEN_WIDTH, drawStroke, setUnits } from "./strokes.js";

const LEAST_STEP = 0.002; // points that are nearer say nothing new

/**
 * An area to write on, with mouse, pen or finger: turns what a canvas sees of pointers into strokes.
 *
 * One pointer writes at a time. Where a pen has been seen, fingers and palms no longer write.
 * Events: `draw` while a stroke grows, `stroke` when it is complete.
 */
export class Pad extends EventTarget {
  #canvas;
  #context;
  #strokes = [];
  #offset = 0;
  #pointer = null;
  #stroke = null;
  #drawn = 0;
  #penSeen = false;
  #frame = null;

  /** @param {HTMLCanvasElement} canvas sized by CSS; its ink has the CSS colour of the element */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  /** All strokes, the one that is being drawn included. */
  get strokes() {
    return this.#stroke ? [...this.#strokes, this.#stroke] : this.#strokes;
  }

  /** Replaces the drawing; a stroke that is being drawn is dropped. */
  set strokes(strokes) {
    this.#strokes = strokes;
    this.#drop();
    this.#redraw();
  }

  /** How far the paper is moved to the left, in heights of the area. */
  get offset() {
    return this.#offset;
  }

  set offset(offset) {
    this.#offset = Math.max(0, offset);
    this.#redraw();
  }

  /** Width of the area, in its heights. */
  get width() {
    return this.#canvas.clientWidth / this.#canvas.clientHeight;
  }

  #down(event) {
    if (event.pointerType === "pen" && !this.#penSeen) {
      this.#penSeen = true;
      this.#drop(); // of the palm
    }
    if (this.#pointer !== null || event.button !== 0 || (this.#penSeen && event.pointerType === "touch")) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#stroke = [this.#point(event)];
    this.#drawn = 0;
    this.#grew();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.#add(this.#point(one));
    this.#grew();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#add({ ...this.#point(event), width: this.#stroke.at(-1).width }); // a pen that leaves presses no more
    this.#strokes = this.strokes;
    this.#stroke = this.#pointer = null;
    this.#redraw();
    this.dispatchEvent(new Event("stroke"));
  }

  #cancel(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#drop();
    this.#redraw();
    this.dispatchEvent(new Event("draw"));
  }

  #drop() {
    this.#stroke = this.#pointer = null;
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.height + this.#offset,
      y: (event.clientY - box.top) / box.height,
      width: event.pointerType === "pen" ? PEN_WIDTH * (0.5 + event.pressure) : PEN_WIDTH,
    };
  }

  #add(point) {
    const last = this.#stroke.at(-1);
    if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) return;
    this.#stroke.push(point);
  }

  #grew() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#drawNew();
    });
    this.dispatchEvent(new Event("draw"));
  }

  #drawNew() {
    if (!this.#stroke) return;
    drawStroke(this.#context, this.#stroke, this.#drawn);
    this.#drawn = this.#stroke.length;
  }

  #redraw() {
    const canvas = this.#canvas;
    const { width, height } = canvas.getBoundingClientRect();
    if (!height) return; // not shown
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    const context = this.#context;
    context.fillStyle = context.strokeStyle = getComputedStyle(canvas).color;
    setUnits(context, canvas.height, this.#offset, 0);
    for (const stroke of this.strokes) drawStroke(context, stroke);
    this.#drawn = this.#stroke?.length ?? 0;
  }
}
