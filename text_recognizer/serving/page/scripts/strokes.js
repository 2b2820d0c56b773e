/**
 * Ink as strokes. A stroke is a list of points {x, y, width}; all three in units of the writing area's height, so that
 * a drawing is the same at any size. Points reach right as far as one writes, down from 0 to 1.
 */

/** Width of the pen, in heights of the writing area. */
export const PEN_WIDTH = 0.03;

const INK_HEIGHT = 96; // pixels of a picture for reading: its ink is about so high,
const LEAST_SCALE = 100; // unless its writing is large
const MOST_SCALE = 300; // or but a dash
const MARGIN = 12;
const MOST_WIDTH = 8000;
const LEAST_ROW = 0.15; // heights of the writing area
const MOST_CROSSING = 0.1; // share of the strokes

/**
 * Draw a stroke, or its part from point `from` on, as a smooth line through the middles between its points.
 * @param {CanvasRenderingContext2D} context in units of the writing area's height
 */
export function drawStroke(context, stroke, from = 0) {
  if (stroke.length === 1) {
    const { x, y, width } = stroke[0];
    context.beginPath();
    context.arc(x, y, width / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  for (let i = Math.max(1, from); i < stroke.length; i++) {
    const start = i > 1 ? middle(stroke[i - 2], stroke[i - 1]) : stroke[0];
    const end = middle(stroke[i - 1], stroke[i]);
    context.lineWidth = stroke[i].width;
    context.beginPath();
    context.moveTo(start.x, start.y);
    context.quadraticCurveTo(stroke[i - 1].x, stroke[i - 1].y, end.x, end.y);
    if (i === stroke.length - 1) context.lineTo(stroke[i].x, stroke[i].y);
    context.stroke();
  }
}

function middle(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Set a context to draw strokes at `scale` pixels a unit, with what stands at (left, top) in its corner. */
export function setUnits(context, scale, left, top) {
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  context.lineCap = context.lineJoin = "round";
}

/** The box {left, top, right, bottom} around strokes, the width of the pen included. */
export function boundsOf(strokes) {
  const points = strokes.flat();
  const bound = (pick, side) => points.reduce((best, p) => pick(best, side(p)), pick());
  return {
    left: bound(Math.min, (p) => p.x - p.width / 2),
    top: bound(Math.min, (p) => p.y - p.width / 2),
    right: bound(Math.max, (p) => p.x + p.width / 2),
    bottom: bound(Math.max, (p) => p.y + p.width / 2),
  };
}

/**
 * The rows that strokes are written in, from the top. A row is parted from the next where hardly a stroke crosses, if
 * both are as high as letters and one stands above the other.
 * @returns {object[][][]}
 */
export function rowsOf(strokes) {
  if (!strokes.length) return [strokes];
  const boxes = strokes.map((stroke) => boundsOf([stroke]));
  const { top, bottom } = boundsOf(strokes);
  let [border, fewest] = [null, MOST_CROSSING * strokes.length];
  for (let y = top + LEAST_ROW; y <= bottom - LEAST_ROW; y += 0.01) {
    const crossing = boxes.filter((box) => box.top < y && y < box.bottom).length;
    if (crossing < fewest || (border === null && crossing <= fewest)) [border, fewest] = [y, crossing];
  }
  if (border === null) return [strokes];
  const isAbove = (_, i) => (boxes[i].top + boxes[i].bottom) / 2 < border;
  const [upper, lower] = [strokes.filter(isAbove), strokes.filter((stroke, i) => !isAbove(stroke, i))];
  return areRows(upper, lower) ? [...rowsOf(upper), ...rowsOf(lower)] : [strokes];
}

function areRows(upper, lower) {
  if (!upper.length || !lower.length) return false;
  const boxes = [boundsOf(upper), boundsOf(lower)];
  const shared = Math.min(...boxes.map((box) => box.right)) - Math.max(...boxes.map((box) => box.left));
  const narrower = Math.min(...boxes.map((box) => box.right - box.left));
  return shared > narrower / 2 && boxes.every((box) => box.bottom - box.top >= LEAST_ROW);
}

/**
 * A small picture of strokes, black on white, cut to the ink.
 * @returns {{canvas: HTMLCanvasElement, scale: number, left: number}} column c of the canvas stands at
 *   `left + c / scale` in the writing area
 */
export function pictureOfLine(strokes) {
  const ink = boundsOf(strokes);
  const fitting = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, INK_HEIGHT / (ink.bottom - ink.top)));
  const scale = Math.min(fitting, MOST_WIDTH / (ink.right - ink.left));
  const box = widened(ink, MARGIN / scale);
  return { canvas: drawOnPaper(strokes, scale, box), scale, left: box.left };
}

/** A box with a margin around it. */
export function widened({ left, top, right, bottom }, margin) {
  return { left: left - margin, top: top - margin, right: right + margin, bottom: bottom + margin };
}

/** Strokes in black on white, as they stand in `box`, at `scale` pixels a unit. */
export function drawOnPaper(strokes, scale, box) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((box.right - box.left) * scale);
  canvas.height = Math.ceil((box.bottom - box.top) * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = context.strokeStyle = "black";
  setUnits(context, scale, box.left, box.top);
  for (const stroke of strokes) drawStroke(context, stroke);
  return canvas;
}
