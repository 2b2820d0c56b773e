import { PATIENCE_WITH_FILES, ask } from "../server.js";

const ALTERNATIVES = 4;

function post(path, picture, name, corrected = []) {
  const body = new FormData();
  body.append("file", picture, name);
  for (const line of corrected) body.append("corrected", line);
  return ask(path, { method: "POST", body, patience: PATIENCE_WITH_FILES });
}

/** A page of a file that the browser cannot show: {picture, count}. */
export async function askPage(file, number) {
  const response = await post(`v1/page?number=${number}`, file, file.name);
  return { picture: await response.blob(), count: Number(response.headers.get("Page-Count")) };
}

/**
 * What is read of a picture: a page of docs/document.schema.json.
 * @param {{turn: boolean, prepared: boolean}} options whether it may be turned, and whether to send pictures of its lines
 */
export async function readPage(picture, name, options) {
  const query = new URLSearchParams({ format: "json", alternatives: ALTERNATIVES, ...options });
  const response = await post(`v1/read?${query}`, picture, name);
  return (await response.json()).pages[0];
}

/**
 * A page in a format, as it lies, with what was corrected.
 * @param {string} format a format of the server, or that and "tables"
 * @param {Map<number, string>} said texts of lines by their places
 * @returns {Promise<Blob>}
 */
export async function writePage(picture, name, format, said) {
  const [form, tables] = format.split(" ");
  const query = new URLSearchParams({ format: form, turn: false, ...(tables && { tables: true }) });
  const corrected = [...said].map(([place, text]) => `${place + 1}:${text}`);
  return (await post(`v1/read?${query}`, picture, name, corrected)).blob();
}
