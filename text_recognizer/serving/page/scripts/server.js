/** What the server said, or that it said nothing. `retry`: whether to ask again; `seconds`: when, if it said so. */
export class ServerError extends Error {
  constructor(message, { retry = false, seconds = null } = {}) {
    super(message);
    this.retry = retry;
    this.seconds = seconds;
  }
}

const PATIENCE = 30_000; // milliseconds
/** Of what sends a file, which may be large, or its way slow. */
export const PATIENCE_WITH_FILES = 120_000;
const JSON_BODY = { "Content-Type": "application/json" };

/**
 * Ask the server that sent this page.
 * @param {string} path
 * @param {object} options those of `fetch`, and `patience`: milliseconds until it is given up
 * @returns {Promise<Response>} an answer that is no error
 * @throws {ServerError}
 */
export async function ask(path, { patience = PATIENCE, signal, ...options } = {}) {
  const ending = new AbortController();
  setTimeout(() => ending.abort(), patience);
  signal?.addEventListener("abort", () => ending.abort());
  let response;
  try {
    response = await fetch(path, { ...options, signal: ending.signal });
  } catch {
    throw new ServerError("The server does not answer.", { retry: true });
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const { error } = Array.isArray(body) ? body[0] : body;
  throw new ServerError(error ?? `The server answered ${response.status} ${response.statusText}.`, {
    retry: response.status === 503,
    seconds: Number(response.headers.get("Retry-After")) || null,
  });
}

/**
 * Read a picture of a line.
 * @param {Blob} picture
 * @param {string} name of its file, for messages; empty if it has none
 * @param {string} hand the name of the hand to read with; empty: the general reader
 * @param {AbortSignal} signal comes when nobody wants to know any more
 * @returns {Promise<{text: string, confidence: number, characters: object[], prepared?: string}>}
 * @throws {ServerError} also for what is no picture
 */
export async function readPicture(picture, name, hand, signal) {
  const query = new URLSearchParams({ prepared: true, ...(hand && { hand }) });
  const body = name ? new FormData() : picture;
  if (name) body.append("file", picture, name);
  const headers = name ? {} : { "Content-Type": picture.type || "application/octet-stream" };
  const patience = name ? PATIENCE_WITH_FILES : PATIENCE;
  const response = await ask(`v1/read?${query}`, { method: "POST", headers, body, patience, signal });
  return (await response.json())[0];
}

/** @returns {Promise<{hands: object[], learning: string | null, cannot_learn: string | null}>} */
export async function askHands() {
  return (await ask("v1/hands")).json();
}

/** @returns {Promise<{kept: boolean, lines: number, bytes: number}>} whether the server keeps corrections, and how many */
export async function askCorrections() {
  return (await ask("v1/corrections")).json();
}

/**
 * Have a line and what it says kept.
 * @param {Blob | string} picture a string is a data: URL
 * @param {string} text
 * @returns {Promise<string>} the name by which it is deleted
 */
export async function keepCorrection(picture, text) {
  const url = typeof picture === "string" ? picture : await urlOf(picture);
  const body = JSON.stringify({ text, picture: url.slice(url.indexOf(",") + 1) });
  const patience = PATIENCE_WITH_FILES;
  const response = await ask("v1/corrections", { method: "POST", headers: JSON_BODY, body, patience });
  return (await response.json()).name;
}

export async function deleteCorrection(name) {
  await ask(`v1/corrections/${name}`, { method: "DELETE" });
}

function urlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new ServerError("The picture can no longer be read. Choose it again."));
    reader.readAsDataURL(blob);
  });
}

/** Begin to learn a hand from {characters, lines}. */
export async function learnHand(name, written) {
  const [body, patience] = [JSON.stringify(written), PATIENCE_WITH_FILES];
  await ask(pathOf(name), { method: "POST", headers: JSON_BODY, body, patience });
}

/** @returns {Promise<object>} how far the learning of a hand is */
export async function askProgress(name) {
  return (await ask(`${pathOf(name)}/learning`)).json();
}

/** End the learning of a hand; it tells so in a moment. */
export async function stopLearning(name) {
  await ask(`${pathOf(name)}/learning`, { method: "DELETE" });
}

export async function removeHand(name) {
  await ask(pathOf(name), { method: "DELETE" });
}

const pathOf = (name) => `v1/hands/${encodeURIComponent(name)}`;
