import { checkReadable, whenFilesCome } from "../pictures.js";
import { element } from "../reading.js";
import { askCorrections } from "../server.js";
import { Crop } from "./crop.js";
import { Lines } from "./lines.js";
import { redrawn } from "./picture.js";
import { askPage, readPage, writePage } from "./server.js";
import { keepDocument, keepTexts, recallDocument } from "./store.js";

const SUFFIXES = { text: "txt", hocr: "hocr.html", alto: "alto.xml", page: "page.xml" };
const FEEDBACK = 2000; // milliseconds

const by = (id) => document.getElementById(id);
const lines = new Lines(by("lines"), by("places"));
const crop = new Crop(by("sheet"), by("places"), by);

/** {file, count, number, pages: Map of numbers to {picture, isTurned, answer, said, kept}}; null before a file is chosen. */
let open = null;
let busy = 0;

const current = () => open?.pages.get(open.number);

/** Do something that takes a while; what goes wrong is said, and how to try again. What was begun before is no longer shown. */
async function work(said, action, again = "Try “Read again” in a moment.") {
  const own = ++busy;
  by("state").textContent = said;
  by("problem").textContent = "";
  enable();
  try {
    await action(() => own === busy);
  } catch (error) {
    if (own === busy) by("problem").textContent = `${error.message} ${error.retry ? again : ""}`;
  }
  if (own !== busy) return;
  busy = 0;
  by("state").textContent = current()?.answer ? saidOf(current().answer) : "";
  enable();
}

function saidOf({ lines, confidence, turned, tables }) {
  if (!lines.length) return "No writing was found. Is the picture sharp, and the page upright? Try “Turn” or “Crop”.";
  const count = lines.length === 1 ? "1 line" : `${lines.length} lines`;
  const more = tables ? `, ${tables.length === 1 ? "a table" : `${tables.length} tables`}` : "";
  return `${count}${more}, about ${Math.round(100 * confidence)} % of the characters right${turned ? ", turned upright" : ""}.`;
}

async function take([file, ...others]) {
  if (!file) return;
  open = { file, count: 1, number: 1, pages: new Map() };
  show();
  await goTo(1);
  if (others.length) by("state").textContent += ` One file is read at a time; left out: ${others.map(({ name }) => name).join(", ")}.`;
}

/** Show a page of the file, and read it if it has not been. */
function goTo(number) {
  open.number = number;
  show();
  return work(`Reading page ${number} …`, async (isWanted) => {
    if (!current()) await load(number);
    if (!isWanted()) return;
    show();
    if (!current().answer) await read(isWanted);
  });
}

/** Get the picture of a page: from the file itself where the browser can show it, or from the server. */
async function load(number) {
  const document = open;
  const own = await redrawn(document.file).catch(() => null);
  if (!own) await checkReadable(document.file);
  const { picture, count } = own ? { picture: own, count: 1 } : await askPage(document.file, number);
  document.count = count;
  document.pages.set(number, { picture, isTurned: false, answer: null });
}

async function read(isWanted) {
  const page = current();
  const options = { turn: !page.isTurned, prepared: await offered };
  const answer = await readPage(page.picture, open.file.name, options);
  if (!isWanted()) return;
  if (answer.turned) page.picture = await redrawn(page.picture, { quarters: answer.turned / 90 });
  Object.assign(page, { answer, said: new Map(), kept: new Map() });
  show();
  await keepDocument(open);
}

/** Change the picture, and read what it is then. */
function change(edit) {
  closeCrop();
  return work("Reading …", async (isWanted) => {
    const page = current();
    page.picture = await redrawn(page.picture, edit);
    page.isTurned ||= Boolean(edit.quarters); // by hand: it stays so
    page.answer = null;
    show();
    await read(isWanted);
  });
}

function show() {
  const page = current();
  by("empty").hidden = Boolean(page);
  by("sheet").hidden = !page;
  closeCrop();
  if (page) {
    const shown = by("picture").src;
    by("picture").src = URL.createObjectURL(page.picture);
    if (shown) URL.revokeObjectURL(shown);
  }
  if (page?.answer) lines.show(page.answer, page.said, page.kept);
  else lines.clear();
  by("hint").hidden = by("lines").childElementCount > 0;
  by("turner").hidden = !(open?.count > 1);
  by("number").textContent = open ? `Page ${open.number} of ${open.count}` : "";
  enable();
}

function enable() {
  const page = current();
  by("out").hidden = !page?.answer?.lines.length;
  const enabled = {
    turn: page && !busy,
    crop: page && !busy,
    again: open && !busy,
    before: open?.number > 1,
    after: open?.number < open?.count,
    copy: by("format").value !== "pdf" && !busy,
    download: !busy,
  };
  for (const [id, on] of Object.entries(enabled)) by(id).setAttribute("aria-disabled", !on);
}

function closeCrop() {
  crop.close();
  by("cropping").hidden = true;
  by("crop").setAttribute("aria-expanded", false);
}

function toggleCrop() {
  if (crop.isOpen) return closeCrop();
  crop.open();
  by("cropping").hidden = false;
  by("crop").setAttribute("aria-expanded", true);
}

/** Offer to have lines kept, if the server does. */
async function offerToKeep() {
  const { kept } = await askCorrections().catch(() => ({ kept: false }));
  by("keeping").hidden = by("unless").hidden = !kept;
  lines.keeps = kept;
  return kept;
}

// Taking it away

function written() {
  const { picture, said } = current();
  const format = by("format").value;
  return format === "text" ? new Blob([`${lines.text}\n`], { type: "text/plain" }) : writePage(picture, open.file.name, format, said);
}

/** Have the page written, and do something with it. To read it again would lose what was corrected. */
const write = (action) => work("Writing …", async () => action(await written()), "Try again in a moment.");

async function copy(blob) {
  const text = await blob.text();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Error("The browser does not let this page copy; over plain HTTP, most do not. Use “Download”.");
  }
  by("copy").textContent = "Copied";
  setTimeout(() => (by("copy").textContent = "Copy"), FEEDBACK);
}

function download(blob) {
  const [form] = by("format").value.split(" ");
  const stem = open.file.name.replace(/\.[^.]*$/, "") + (open.count > 1 ? `-${open.number}` : "");
  const href = URL.createObjectURL(blob);
  element("a", { href, download: `${stem}.${SUFFIXES[form] ?? form}` }).click();
  setTimeout(() => URL.revokeObjectURL(href), FEEDBACK);
}

// What one does

const actions = {
  turn: () => change({ quarters: 1 }),
  crop: toggleCrop,
  cut: () => change(crop.edges),
  again: () => (current() && (current().answer = null), goTo(open.number)),
  before: () => goTo(open.number - 1),
  after: () => goTo(open.number + 1),
  copy: () => write(copy),
  download: () => write(download),
};
for (const [id, action] of Object.entries(actions)) {
  by(id).addEventListener("click", () => by(id).ariaDisabled === "true" || action());
}
by("format").addEventListener("change", enable);
lines.addEventListener("change", () => keepTexts(open));

whenFilesCome([by("file"), by("photo")], by("paper"), take);

enable();
const offered = offerToKeep();
const [recalled] = await Promise.all([recallDocument(), offered]);
if (recalled && !open) {
  open = recalled;
  goTo(open.number);
}
