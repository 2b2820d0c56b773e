import { toBlob } from "../pictures.js";

const MOST_SIDE = 4096; // pixels
const LIGHT = 200; // grey from which on ink is taken for white
const SEEN = 127; // opacity above which a pixel counts

/** A part of a picture, turned clockwise by quarters; edges in shares of the picture. */
export async function redrawn(picture, { quarters = 0, left = 0, top = 0, right = 1, bottom = 1 } = {}) {
  const bitmap = await createImageBitmap(picture);
  const [width, height] = [(right - left) * bitmap.width, (bottom - top) * bitmap.height];
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  const [across, down] = [width * scale, height * scale];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = (quarters % 2 ? [down, across] : [across, down]).map((side) => Math.max(1, Math.round(side)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((quarters * Math.PI) / 2);
  context.drawImage(bitmap, left * bitmap.width, top * bitmap.height, width, height, -across / 2, -down / 2, across, down);
  bitmap.close();
  layOnPaper(context);
  return toBlob(canvas, "image/jpeg");
}

/** Put white behind what is drawn, or black where all of that is light: JPEG has no transparency. */
function layOnPaper(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  context.resetTransform();
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = isLight(data) ? "black" : "white";
  context.fillRect(0, 0, width, height);
}

/** Whether there is something to see, and all of it is light. */
function isLight(pixels) {
  let seen = false;
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3] <= SEEN) continue;
    if (0.3 * pixels[i] + 0.59 * pixels[i + 1] + 0.11 * pixels[i + 2] <= LIGHT) return false;
    seen = true;
  }
  return seen;
}
