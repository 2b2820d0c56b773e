const NAME = "text-recognizer";
const STORE = "documents";
const KEY = "current";

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

/** What was kept last; undefined if nothing was, or the browser keeps nothing. */
export const recallDocument = () => act("readonly", (store) => store.get(KEY)).catch(() => undefined);

/** Keep a document, its pictures included, in place of the one before, if the browser can. */
export const keepDocument = (state) => act("readwrite", (store) => store.put(state, KEY)).catch(() => undefined);
