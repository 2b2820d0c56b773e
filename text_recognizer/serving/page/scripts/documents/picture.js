import { layOnPaper, toBlob } from "../pictures.js";

const MOST_SIDE = 4096; // pixels

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
