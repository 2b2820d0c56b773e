const NAME = "text-recognizer";
const STORE = "documents";
const KEY = "current";
const TEXTS = "texts"; // of its pages: what changes often, beside what is large

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function act(mode, action) {
  const base = await open();
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(STORE, mode);
    const request = action(transaction.objectStore(STORE));
    transaction.oncomplete = () => (base.close(), resolve(request.result));
    transaction.onerror = transaction.onabort = () => (base.close(), reject(transaction.error));
  });
}

const textsOf = ({ pages }) => new Map([...pages].map(([number, { said, kept }]) => [number, { said, kept }]));

/** What was kept last; undefined if nothing was, or the browser keeps nothing. */
export async function recallDocument() {
  try {
    const state = await act("readonly", (store) => store.get(KEY));
    const texts = await act("readonly", (store) => store.get(TEXTS));
    for (const [number, said] of texts ?? []) Object.assign(state.pages.get(number) ?? {}, said);
    return state;
  } catch {
    return undefined;
  }
}

/** Keep what lines of a document say, and what the server keeps of them, if the browser can. */
export const keepTexts = (state) =>
  act("readwrite", (store) => store.put(textsOf(state), TEXTS)).catch(() => undefined);

/** Keep a document, its pictures included, in place of the one before, if the browser can. */
export const keepDocument = (state) =>
  act("readwrite", (store) => {
    store.put(textsOf(state), TEXTS);
    return store.put(state, KEY);
  }).catch(() => undefined);
