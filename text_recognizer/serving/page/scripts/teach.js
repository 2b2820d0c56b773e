import { Boxes, pictureOf } from "./boxes.js";
import { History } from "./history.js";
import { Live } from "./live.js";
import { recall, remember } from "./memory.js";
import { COPIES, FEWEST_CHARACTERS, FEWEST_COPIES, PROMPTS } from "./prompts.js";
import { element } from "./reading.js";
import { askHands, askProgress, learnHand, removeHand, stopLearning } from "./server.js";

const PAUSE = 1000; // milliseconds between two questions how far it is
const ANNOUNCED = 0.25; // of the work, between two announcements
const EMPTY = { at: 0, written: {} }; // written: by text, a list of strokes for each box

const by = (id) => document.getElementById(id);
const boxes = new Boxes(by("boxes"), COPIES);
const sheets = new History(recall("sessionStorage", "written") ?? EMPTY);
const characters = PROMPTS.filter(({ isCharacter }) => isCharacter);
const overview = PROMPTS.map((prompt, at) => {
  const button = element("button", { text: prompt.text, type: "button" });
  button.addEventListener("click", () => turnTo(at));
  return button;
});
let at = sheets.current.at;
let known = [];
let followed = null; // name of the hand whose learning is shown
let isSending = false;

// Writing

/** Show a prompt. */
function turnTo(place) {
  at = Math.min(Math.max(place, 0), PROMPTS.length - 1);
  const { text, kind } = PROMPTS[at];
  boxes.show(PROMPTS[at], sheets.current.written[text] ?? []);
  by("wanted").textContent = text;
  by("kind").textContent = kind;
  showState();
  announce(`Write ${spoken(PROMPTS[at])}`);
}

function showState() {
  const enabled = {
    undo: sheets.canUndo,
    redo: sheets.canRedo,
    clear: filled(PROMPTS[at]) > 0,
    back: at > 0,
    on: at < PROMPTS.length - 1,
    learn: missing() <= 0 && !isSending,
  };
  for (const [id, on] of Object.entries(enabled)) by(id).setAttribute("aria-disabled", !on);
  by("on-label").textContent = filled(PROMPTS[at]) ? "Next" : "Skip";
  by("enough").textContent = enough();
  for (const [place, button] of overview.entries()) {
    const count = filled(PROMPTS[place]);
    button.className = isEnough(PROMPTS[place]) ? "full" : count ? "begun" : "";
    button.ariaLabel = `${spoken(PROMPTS[place])}: ${count} of ${PROMPTS[place].boxes} written`;
    button.ariaCurrent = place === at ? "true" : null;
  }
}

const spoken = ({ text, kind }) => `${kind} ${text}`;
const copiesOf = ({ text }) => (sheets.current.written[text] ?? []).filter((strokes) => strokes.length);
const filled = (prompt) => copiesOf(prompt).length;
const isEnough = (prompt) => filled(prompt) >= Math.min(FEWEST_COPIES, prompt.boxes);
const missing = () => FEWEST_CHARACTERS - characters.filter(isEnough).length;

function enough() {
  if (isSending) return "What you wrote is sent …";
  const count = characters.filter(isEnough).length;
  const so = `${count} of ${characters.length} characters are written ${FEWEST_COPIES} times or more. `;
  if (missing() > 0) return `${so}Write at least ${missing()} more.`;
  return `${so}That is enough; more of them, and the words at the end, make it better.`;
}

function change(written) {
  sheets.push({ at, written: { ...sheets.current.written, [PROMPTS[at].text]: written } });
  remember("sessionStorage", "written", sheets.current);
  showState();
}

function clear() {
  if (!filled(PROMPTS[at])) return;
  change([]);
  turnTo(at);
}

function undo() {
  const { at: place } = sheets.current;
  if (!sheets.canUndo) return;
  sheets.undo();
  remember("sessionStorage", "written", sheets.current);
  turnTo(place);
}

function redo() {
  if (!sheets.canRedo) return;
  turnTo(sheets.redo().at);
  remember("sessionStorage", "written", sheets.current);
}

// Learning

async function learn(event) {
  event.preventDefault();
  const name = by("name").value;
  if (by("learn").ariaDisabled === "true") return;
  if (known.includes(name) && !confirm(`There is a hand “${name}” already. Replace it?`)) return;
  by("problem").textContent = "";
  try {
    await send(name);
    await follow(name);
  } catch (error) {
    by("problem").textContent = error.message;
  }
  if (by("problem").textContent) by("learn").focus();
}

async function send(name) {
  isSending = true;
  showState();
  try {
    await learnHand(name, toSend());
  } finally {
    isSending = false;
    showState();
  }
}

function toSend() {
  const pictures = (prompt) => copiesOf(prompt).map((strokes) => pictureOf(strokes, prompt.isCharacter));
  const written = PROMPTS.filter(filled);
  return {
    characters: Object.fromEntries(written.filter((one) => one.isCharacter).map((one) => [one.text, pictures(one)])),
    lines: written.filter((one) => !one.isCharacter).map((one) => ({ text: one.text, picture: pictures(one)[0] })),
  };
}

/** Show how far the learning of a hand is, until it has ended. */
async function follow(name) {
  followed = name;
  by("stop").ariaDisabled = "false";
  show("learning");
  by("learning-title").textContent = `Learning “${name}”`;
  by("learning-title").focus();
  let announced = -1;
  for (;;) {
    const progress = await askProgress(name).catch((error) => ({ state: "unknown", phase: error.message, error }));
    if (progress.error && !progress.error.retry) {
      show("teach");
      by("problem").textContent = progress.error.message ?? progress.error;
      by("learn").focus();
      return;
    }
    if (progress.state === "learned") return showLearned(progress);
    showProgress(progress);
    if (progress.done >= announced + ANNOUNCED) {
      announced = progress.done;
      announce(by("left").textContent);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function stop() {
  by("stop").ariaDisabled = "true";
  try {
    await stopLearning(followed);
  } catch (error) {
    by("problem").textContent = error.message;
    by("stop").ariaDisabled = "false";
  }
}

function showProgress({ phase, done, seconds_left: seconds }) {
  if (done !== undefined) by("done").value = done;
  const left = seconds == null ? "" : `, about ${duration(seconds)} left`;
  const share = done === undefined ? "" : `: ${Math.floor(100 * done)} %${left}`;
  by("left").textContent = phase[0].toUpperCase() + phase.slice(1) + share;
}

const duration = (seconds) => (seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);

function showLearned({ name, before, after }) {
  remember("localStorage", "hand", name);
  show("learned");
  by("learned-title").textContent = `Learned “${name}”`;
  by("gain").textContent =
    before === null
      ? "It had too little to measure what that gained."
      : `Of characters that it did not learn from, ${percent(before)} were read wrongly before, ${percent(after)} now.`;
  by("learned-title").focus();
  announce(by("gain").textContent);
  live.ask(askHands);
}

const percent = (share) => (share === null ? "?" : `${(100 * share).toFixed(1)} %`);

/** Show one part; what was written stays below what was learned, to add to it. */
function show(part) {
  by("learning").hidden = part !== "learning";
  by("learned").hidden = part !== "learned";
  by("teach").hidden = part === "learning";
}

// Hands

function showHands({ hands, cannot_learn: reason }) {
  known = hands.map(({ name }) => name);
  by("hands").replaceChildren(...hands.map(row));
  by("known").hidden = !hands.length;
  by("cannot").textContent = reason;
  by("cannot").hidden = !reason;
  if (reason) by("teach").hidden = true;
}

/** What is shown when the page is opened, or one comes back to it. */
async function begin(answer) {
  by("problem").textContent = "";
  showHands(answer);
  if (answer.learning) await follow(answer.learning);
  else if (!answer.cannot_learn && by("learned").hidden) show("teach");
}

function row({ name, learned, before, after, error }) {
  const row = element("tr");
  const remove = element("button", { text: "Delete", type: "button", ariaLabel: `Delete the hand ${name}` });
  remove.addEventListener("click", () => forget(name));
  row.append(
    element("th", { text: name, scope: "row" }),
    element("td", { text: new Date(learned).toLocaleDateString() }),
    element("td", { text: error ? "damaged" : percent(before), title: error ?? "" }),
    element("td", { text: error ? "" : percent(after) }),
    element("td"),
  );
  row.lastChild.append(remove);
  return row;
}

async function forget(name) {
  if (!confirm(`Delete the hand “${name}” and what was written for it?`)) return;
  try {
    await removeHand(name);
    showHands(await askHands());
    by(by("known").hidden ? "title" : "known-title").focus(); // the button is gone
    announce(`${name} is deleted`);
  } catch (error) {
    by("problem").textContent = error.message;
  }
}

function announce(message) {
  by("announcement").textContent = message;
}

// What one does

boxes.addEventListener("stroke", () => change(boxes.written.slice(0, PROMPTS[at].boxes)));
by("form").addEventListener("submit", learn);
by("overview").append(...overview);
const actions = { undo, redo, clear, stop, back: () => turnTo(at - 1), on: () => turnTo(at + 1) };
for (const [id, action] of Object.entries(actions)) {
  by(id).addEventListener("click", () => by(id).ariaDisabled === "true" || action());
}
document.addEventListener("keydown", (event) => {
  if (event.target === by("name") || by("teach").hidden) return;
  const key = event.key.toLowerCase();
  const command = event.ctrlKey || event.metaKey;
  if (key === "escape") clear();
  else if (command && (key === "y" || (key === "z" && event.shiftKey))) redo();
  else if (command && key === "z") undo();
  else if (command || event.altKey || event.shiftKey) return; // of the browser, such as the way back
  else if (key === "arrowright") turnTo(at + 1);
  else if (key === "arrowleft") turnTo(at - 1);
  else return;
  event.preventDefault();
});

turnTo(at);
const live = new Live({
  answered: begin,
  failed: (error, seconds) => {
    by("problem").textContent = error.message + (seconds === null ? "" : ` Trying again in ${seconds} s.`);
  },
  slow: () => (by("problem").textContent = "The server takes its time. Waiting for its answer …"),
});
addEventListener("pageshow", () => by("learning").hidden && live.ask(askHands));
