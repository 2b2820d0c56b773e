const SERVER_READS = ["image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff"];
const MOST_SIDE = 4096; // pixels; a line needs no more
const MOST_BYTES = 8e6;

/**
 * Make a file that one chose ready for the server: huge pictures smaller, kinds that only the browser knows to PNG.
 * What the browser cannot show goes as it is; the server may know it, or says what is wrong.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function forUpload(file) {
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
  return toBlob(canvas, file.type === "image/jpeg" ? "image/jpeg" : "image/png");
}

/** @returns {Promise<Blob>} */
export function toBlob(canvas, type = "image/png") {
  return new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));
}

/** @returns {File[]} the files that were dropped or pasted */
function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}

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
  document.addEventListener("paste", (event) => take(filesOf(event.clipboardData)));
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      target.classList.toggle("dropping", name === "dragover");
    });
  }
  document.addEventListener("drop", (event) => take(filesOf(event.dataTransfer)));
}
