/**
 * What the browser keeps for this page, where it is allowed to keep anything.
 * @param {"localStorage" | "sessionStorage"} store for good, or until the tab is closed
 */
export function recall(store, key) {
  try {
    return JSON.parse(window[store].getItem(key));
  } catch {
    return null;
  }
}

/** Numbers are kept to four places, which is enough for strokes: there is little room. */
export function remember(store, key, value) {
  const rounded = (_, part) => (typeof part === "number" ? Math.round(1e4 * part) / 1e4 : part);
  try {
    window[store].setItem(key, JSON.stringify(value, rounded));
  } catch {
    // it is full, or not allowed
  }
}
