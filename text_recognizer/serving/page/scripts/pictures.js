import { ServerError } from "./server.js";

const SERVER_READS = ["image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff"];
const MOST_SIDE = 4096; // pixels; a line needs no more
const MOST_BYTES = 8e6;
const LIGHT = 200; // grey from which on ink is taken for white
const SEEN = 127; // opacity above which a pixel counts

/**
 * Make a file that one chose ready for the server: huge pictures smaller, kinds that only the browser knows to PNG, or
 * to JPEG if that is huge. What the browser cannot show goes as it is; the server may know it, or says what is wrong.
 * @param {File} file
 * @returns {Promise<Blob>}
 * @throws {ServerError} if it cannot be read
 */
export async function forUpload(file) {
  await checkReadable(file);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file;
  }
  const factor = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
  if (factor === 1 && file.size <= MOST_BYTES && SERVER_READS.includes(file.type)) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * factor);
  canvas.height = Math.round(bitmap.height * factor);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = file.type === "image/jpeg" ? null : await toBlob(canvas);
  if (png?.size <= MOST_BYTES) return png;
  layOnPaper(context);
  return toBlob(canvas, "image/jpeg");
}

/**
 * Check that a file can still be read: what was changed or moved on the disk reaches no server, nor does a folder.
 * @param {File} file
 * @throws {ServerError} if not
 */
export async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new ServerError(`${file.name} cannot be read: it is a folder, or was changed or moved. Choose the file again.`);
  }
}

/** Put white behind what is drawn, or black where all of that is light: JPEG has no transparency. */
export function layOnPaper(context) {
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

/** @returns {Promise<Blob>} */
export function toBlob(canvas, type = "image/png") {
  return new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));
}

/** Whether what happens is meant for a text that is being typed. */
export const isTyping = ({ target }) => target instanceof HTMLInputElement && target.type === "text";

/** Whether files are dragged: texts go where the browser puts them. */
const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

/**
 * Take files that are chosen, pasted or dropped.
 * @param {HTMLInputElement[]} inputs where they are chosen
 * @param {HTMLElement} target what shows that a file hangs over the page
 * @param {(files: File[]) => void} take
 */
export function whenFilesCome(inputs, target, take) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  document.addEventListener("paste", (event) => {
    const { types = [], files = [] } = event.clipboardData ?? {};
    if (isTyping(event) && types.includes("text/plain")) return; // from a letter or table, which comes as a picture too
    take([...files]);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      target.classList.toggle("dropping", name === "dragover");
    });
  }
  document.addEventListener("drop", (event) => take([...(event.dataTransfer?.files ?? [])]));
}
