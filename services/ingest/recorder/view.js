/**
 * Stage 13 of 13. The screen: what `screen.js` and `transcript.js` say, written into the page where it changed.
 * Words enter as text, never as markup. It decides nothing.
 */

import { clockTime } from "./times.js";
import { outlookOf } from "./transcript.js";

/**
 * @typedef {import("./screen.js").Screen} Screen
 * @typedef {import("./screen.js").Panel} Panel
 * @typedef {import("./transcript.js").Paragraph} Paragraph
 */

/** How near the end of the page somebody must be to be taken along when words are added. */
const FOLLOWS_WITHIN_PX = 120;

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id */
const button = (id) => /** @type {HTMLButtonElement} */ (byId(id));

const CONTROLS = /** @type {const} */ (["record", "pause", "finish", "copy"]);

export class View {
  /** @param {(action: import("./screen.js").Action) => void} act what to do when a button of the panel is pressed */
  constructor(act) {
    this.act = act;
    this.log = byId("transcript");
    /** @type {Map<string, HTMLElement>} */
    this.shown = new Map();
    /** @type {Paragraph[]} */
    this.paragraphs = [];
    this.panel = "";
    this.buttons = "[]";
    this.hasLostFocus = false;
  }

  /**
   * @param {Screen} screen
   * @param {Paragraph[]} paragraphs
   * @param {string} hint
   */
  show(screen, paragraphs, hint) {
    const follows = isAtEnd();
    this.#showScreen(screen);
    this.#showParagraphs(paragraphs);
    setText("hint", hint);
    setText("empty", paragraphs.length === 0 && hint === "" ? screen.empty : "");
    if (follows && !isAtEnd(1)) window.scrollTo({ top: document.documentElement.scrollHeight });
  }

  /** @param {Screen} screen */
  #showScreen(screen) {
    document.body.dataset.state = screen.state;
    for (const name of /** @type {const} */ (["microphone", "network", "speech"])) showLamp(name, screen.lamps[name]);
    setText("state-says", screen.says);
    setText("timer", clockTime(screen.captured));
    byId("meter-level").style.setProperty("--level", Math.sqrt(screen.level).toFixed(2));
    setText("safety", screen.safety.text);
    byId("safety").dataset.mood = screen.safety.mood;
    setText("earlier", screen.earlier.text);
    byId("earlier").dataset.mood = screen.earlier.mood;
    setText("alarm", screen.alarm);
    setText("draft", screen.draft);
    this.#showPanel(screen.panel);
    this.#enable(screen);
  }

  /** @param {Screen} screen */
  #enable({ controls, next, state }) {
    for (const name of CONTROLS) button(name).disabled = !controls[name];
    // A button that goes dead under somebody's finger would leave the keyboard nowhere: the next that can be pressed
    // gets the focus, now or when there is one. Browsers take it from a dead button later, or never.
    this.hasLostFocus ||= isDead(document.activeElement);
    const target = next ? button(next) : state === "finished" ? panelButton() : null;
    if (!this.hasLostFocus || target === null) return;
    this.hasLostFocus = false;
    // Who has gone elsewhere meanwhile stays there.
    if (document.activeElement === document.body || isDead(document.activeElement)) target.focus();
  }

  /** @param {Panel | null} panel */
  #showPanel(panel) {
    const told = JSON.stringify(panel);
    if (told === this.panel) return;
    this.panel = told;
    byId("panel").hidden = panel === null;
    byId("panel").dataset.mood = panel?.mood ?? "";
    setText("panel-text", panel?.text ?? "");
    this.#showButtons(panel?.buttons ?? []);
  }

  /** Buttons that stay are left alone, or they would lose the keyboard whenever the sentence beside them changes. @param {Panel["buttons"]} buttons */
  #showButtons(buttons) {
    const told = JSON.stringify(buttons);
    if (told === this.buttons) return;
    this.buttons = told;
    const place = byId("panel-buttons");
    this.hasLostFocus ||= place.contains(document.activeElement);
    place.replaceChildren(...buttons.map(({ name, action }) => this.#button(name, action)));
  }

  /** @param {string} name @param {import("./screen.js").Action} action */
  #button(name, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = name;
    made.addEventListener("click", () => this.act(action));
    return made;
  }

  /** Elements that stay are left alone, so that a screen reader says what is new and nothing else. @param {Paragraph[]} paragraphs */
  #showParagraphs(paragraphs) {
    if (paragraphs === this.paragraphs) return;
    this.paragraphs = paragraphs;
    setText("outlook", outlookOf(paragraphs));
    const keys = new Set(paragraphs.map(keyOf));
    for (const [key, element] of this.shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.shown.delete(key);
    }
    let next = this.log.firstElementChild;
    for (const paragraph of paragraphs) {
      const element = this.#element(paragraph);
      if (element === next) next = element.nextElementSibling;
      else this.log.insertBefore(element, next);
    }
  }

  /** @param {Paragraph} paragraph */
  #element(paragraph) {
    const key = keyOf(paragraph);
    const element = this.shown.get(key) ?? document.createElement("p");
    this.shown.set(key, element);
    element.className = paragraph.kind === "words" && !paragraph.polished ? "raw" : paragraph.kind;
    if (paragraph.kind === "remark") element.setAttribute("role", "note");
    write(element, paragraph.text);
    return element;
  }
}

const panelButton = () => byId("panel-buttons").querySelector("button");

/** @param {Element | null} element */
const isDead = (element) => CONTROLS.some((name) => button(name) === element && button(name).disabled);

/** @param {Paragraph} paragraph */
const keyOf = ({ kind, key }) => `${kind} ${key}`;

/**
 * Words that only grew are appended: replaced whole, they would be read aloud again from the start.
 * @param {HTMLElement} element
 * @param {string} text
 */
function write(element, text) {
  const shown = element.textContent ?? "";
  if (shown === text) return;
  if (shown !== "" && text.startsWith(shown)) element.append(text.slice(shown.length));
  else element.textContent = text;
}

/** @param {string} id @param {string} text */
export function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** @param {string} name @param {Screen["lamps"]["network"]} lamp */
function showLamp(name, { mood, says }) {
  const lamp = byId(`lamp-${name}`);
  lamp.dataset.mood = mood;
  const told = /** @type {HTMLElement} */ (lamp.querySelector(".says"));
  if (told.textContent !== says) told.textContent = says;
}

function isAtEnd(withinPx = FOLLOWS_WITHIN_PX) {
  return window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - withinPx;
}
