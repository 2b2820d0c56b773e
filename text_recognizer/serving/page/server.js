/** What the server said, or that it said nothing. `retry`: whether to ask again; `seconds`: when, if it said so. */
export class ServerError extends Error {
  constructor(message, { retry = false, seconds = null } = {}) {
    super(message);
    this.retry = retry;
    this.seconds = seconds;
  }
}

const PATIENCE = 30_000; // milliseconds

/**
 * Ask the server that sent this page.
 * @returns {Promise<Response>} an answer that is no error
 * @throws {ServerError}
 */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), ...options });
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
 * @returns {Promise<{text: string, confidence: number, characters: object[], prepared?: string}>}
 * @throws {ServerError} also for what is no picture
 */
export async function readPicture(picture) {
  const response = await ask("v1/read?prepared=true", {
    method: "POST",
    headers: { "Content-Type": picture.type || "application/octet-stream" },
    body: picture,
  });
  return (await response.json())[0];
}
