import { History } from "./history.js";
import { Live } from "./live.js";
import { recall, remember } from "./memory.js";
import { Pad } from "./pad.js";
import { forUpload, isTyping, toBlob, whenFilesCome } from "./pictures.js";
import { confidenceOf, correctionOf, element, isKept, joined, showBoxes, showTable, showText } from "./reading.js";
import { askCorrections, askHands, readPicture } from "./server.js";
import { boundsOf, pictureOfLine, rowsOf } from "./strokes.js";

const STEP = 0.6; // how far the paper moves, in widths of what is seen of it
const CALM = 900; // milliseconds without a new reading, until a screen reader hears it
const FEEDBACK = 2000; // milliseconds
const EMPTY = { strokes: [], picture: null };

const by = (id) => document.getElementById(id);
const pad = new Pad(by("ink"));
const live = new Live({ answered: showReading, failed: showFailure, slow: showSlow });
const sheets = new History(EMPTY); // {strokes, picture: null | {file, url}}
let reading = null;
let timer = 0;
const corrections = new WeakMap(); // of sheets: {reading, forms}

// The sheet: ink, or a picture

function turnTo(sheet) {
  live.forget();
  pad.strokes = sheet.strokes;
  if (!sheet.strokes.length) pad.offset = 0;
  by("ink").hidden = Boolean(sheet.picture);
  by("picture").hidden = !sheet.picture;
  by("not-shown").hidden = true;
  if (sheet.picture) by("picture").src = sheet.picture.url;
  by("stage").classList.toggle("holds-picture", Boolean(sheet.picture));
  by("problem").textContent = "";
  by("correcting").hidden = true;
  showNothing();
  readSheet();
  enableTools();
  keep();
}

/** Keep what was written until the tab is closed, whatever page one goes to. */
function keep() {
  remember("sessionStorage", "strokes", sheets.current.strokes);
}

function restore() {
  const strokes = recall("sessionStorage", "strokes");
  if (!Array.isArray(strokes) || !strokes.length) return;
  sheets.push({ strokes, picture: null });
  turnTo(sheets.current);
}

/** Read the first of these files. */
function take([file, ...others]) {
  if (!file) return;
  by("notice").textContent = others.length
    ? `One picture is read at a time: ${file.name}. Left out: ${others.map(({ name }) => name).join(", ")}.`
    : "";
  sheets.push({ strokes: [], picture: { file, url: URL.createObjectURL(file) } });
  turnTo(sheets.current);
}

function clear() {
  if (sheets.current === EMPTY) return;
  sheets.push(EMPTY);
  turnTo(EMPTY);
}

function move(step) {
  pad.offset += step * pad.width;
  showMarks();
  enableTools();
}

function enableTools() {
  const { strokes, picture } = sheets.current;
  const enabled = {
    undo: sheets.canUndo,
    redo: sheets.canRedo,
    clear: sheets.current !== EMPTY,
    back: !picture && pad.offset > 0,
    on: strokes.length > 0,
    correct: Boolean(reading),
    copy: Boolean(reading?.text),
  };
  for (const [id, on] of Object.entries(enabled)) by(id).setAttribute("aria-disabled", !on);
  by("hint").hidden = Boolean(picture || pad.strokes.length);
}

// Reading it

function readSheet() {
  const { picture } = sheets.current;
  if (picture) live.ask((signal) => readFile(picture.file, signal));
  else readInk();
}

function readInk() {
  if (pad.strokes.length) live.ask(readStrokes);
}

async function readStrokes(signal) {
  const lines = await Promise.all(rowsOf(pad.strokes).map((row) => readRow(row, signal)));
  return { ...joined(lines), lines };
}

async function readRow(strokes, signal) {
  const { canvas, scale, left } = pictureOfLine(strokes);
  const picture = await toBlob(canvas);
  const answer = await readPicture(picture, "", by("hand").value, signal);
  return { ...answer, ...boundsOf(strokes), picture, place: (x) => (left + x / scale) / pad.width };
}

async function readFile(file, signal) {
  const picture = await forUpload(file);
  const answer = await readPicture(picture, file.name, by("hand").value, signal);
  const shown = await createImageBitmap(picture).catch(() => null);
  return { ...answer, place: shown && ((x) => x / shown.width), lines: [{ text: answer.text, picture }] };
}

/** Fill the menu of hands, and choose the one that was chosen last. */
async function showHands() {
  const menu = by("hand");
  const before = menu.value;
  const { hands } = await askHands().catch(() => ({}));
  if (!hands) return; // the server is away: what was chosen stays so
  const chosen = recall("localStorage", "hand") ?? "";
  menu.replaceChildren(
    menu.options[0],
    ...hands.map(({ name, error }) =>
      element("option", { text: error ? `${name} (damaged)` : name, value: name, disabled: Boolean(error) }),
    ),
  );
  menu.value = hands.some(({ name, error }) => name === chosen && !error) ? chosen : "";
  if (menu.value !== before) readSheet();
}

function choose() {
  remember("localStorage", "hand", by("hand").value);
  by("problem").textContent = "";
  readSheet();
}

function showReading(answer) {
  reading = answer;
  showText(by("text"), reading);
  showTable(by("characters"), reading);
  showMarks();
  by("text").dataset.empty = "No writing found here.";
  by("confidence").textContent = confidenceOf(reading);
  by("prepared").src = reading.prepared ?? "";
  by("seen").hidden = !reading.prepared;
  by("details").hidden = !reading.text;
  by("problem").textContent = "";
  enableTools();
  announce(reading.text ? `${reading.text}. ${confidenceOf(reading)}.` : "No writing found.");
}

function showMarks() {
  showBoxes(by("boxes"), reading?.place ? reading : { characters: [] }); // none over what cannot be shown
  by("boxes").style.transform = `translateX(${(-100 * pad.offset) / pad.width}%)`;
}

function showNothing() {
  reading = null;
  showText(by("text"), { characters: [] });
  showMarks();
  by("text").dataset.empty = "What you write appears here.";
  by("confidence").textContent = "";
  by("seen").hidden = by("details").hidden = true;
  announce("");
}

function showFailure(error, seconds) {
  if (seconds === null) showNothing();
  const again = seconds === null ? "" : ` Trying again in ${seconds} s.`;
  by("problem").textContent = error.message + again;
  enableTools();
}

function showSlow() {
  by("problem").textContent = "The server takes its time. Waiting for its answer …";
}

/** Tell screen readers, once it has been calm for a moment: they would stumble over every letter. */
function announce(message) {
  clearTimeout(timer);
  timer = setTimeout(() => (by("announcement").textContent = message), CALM);
}

async function copy() {
  if (!reading?.text) return;
  const isCopied = await navigator.clipboard?.writeText(reading.text).then(
    () => true,
    () => false, // not allowed
  );
  if (isCopied || document.execCommand("copy")) showCopied(); // the latter for pages that come over plain HTTP, too
  else by("problem").textContent = "The browser does not let this page copy. Select the text, and copy that.";
}

function showCopied() {
  by("copy-label").textContent = "Copied";
  by("announcement").textContent = "Copied";
  setTimeout(() => (by("copy-label").textContent = "Copy"), FEEDBACK);
}

// Correcting it

/** Offer to correct lines, if the server keeps what is corrected. */
async function offerToCorrect() {
  const { kept } = await askCorrections().catch(() => ({ kept: !by("correct").hidden }));
  by("correct").hidden = by("unless").hidden = !kept;
}

/** Let one correct what was read, beginning with one of the lines. What was typed stays, and what is kept. */
function correct(line = 0) {
  let made = corrections.get(sheets.current);
  if (made?.reading !== reading && !made?.forms.some(isKept)) {
    made = { reading, forms: reading.lines.map((one, i) => correctionOf(one, i + 1)) };
    corrections.set(sheets.current, made);
  }
  const { forms } = made;
  by("corrections").replaceChildren(...forms);
  by("correcting").hidden = false;
  (forms[line] ?? forms[0]).querySelector("input").focus();
}

function correctClicked({ target }) {
  if (by("correct").hidden || !reading || !getSelection().isCollapsed) return;
  const before = [...by("text").children].slice(0, [...by("text").children].indexOf(target));
  correct(before.filter(({ textContent }) => textContent === "\n").length);
}

// What one does

pad.addEventListener("draw", () => {
  if (!pad.strokes.length) showNothing();
  by("hint").hidden = true;
  readInk();
});
pad.addEventListener("stroke", () => {
  sheets.push({ strokes: pad.strokes, picture: null });
  by("notice").textContent = "";
  by("correcting").hidden = true;
  keep();
  enableTools();
  readInk();
});
addEventListener("pageshow", showHands); // also when one comes back to it
addEventListener("pageshow", offerToCorrect);
by("hand").addEventListener("change", choose);
new ResizeObserver(showMarks).observe(by("stage"));

const actions = {
  undo: () => turnTo(sheets.undo()),
  redo: () => turnTo(sheets.redo()),
  clear,
  back: () => move(-STEP),
  on: () => move(STEP),
  correct: () => correct(),
  copy,
};
for (const [id, action] of Object.entries(actions)) {
  by(id).addEventListener("click", () => by(id).ariaDisabled === "true" || action());
}

by("text").addEventListener("click", correctClicked);

by("picture").addEventListener("load", ({ target }) => {
  by("stage").style.setProperty("--aspect", target.naturalWidth / target.naturalHeight);
});
by("picture").addEventListener("error", ({ target }) => {
  target.hidden = true; // the server may know it yet
  by("not-shown").hidden = false;
});

document.addEventListener("keydown", (event) => {
  if (isTyping(event)) return;
  const key = event.key.toLowerCase();
  const command = event.ctrlKey || event.metaKey;
  if (key === "escape") clear();
  else if (command && (key === "y" || (key === "z" && event.shiftKey))) actions.redo();
  else if (command && key === "z") actions.undo();
  else return;
  event.preventDefault();
});
document.addEventListener("copy", (event) => {
  if (!reading?.text || isTyping(event) || !getSelection().isCollapsed) return;
  event.clipboardData.setData("text/plain", reading.text);
  event.preventDefault();
  showCopied();
});
whenFilesCome([by("file"), by("photo")], by("paper"), take);

enableTools();
restore();
