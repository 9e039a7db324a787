/** The sessions of the person, from the service: the page keeps none, so this is how one that was interrupted is found again. */

import { listSessions } from "./api.js";
import { clockTime, dayAndTime, spell } from "./times.js";
import { byId, setText } from "./view.js";

/**
 * @typedef {import("./api.js").Session} Session
 * @typedef {{ session: Session, note: string }} Waiting a finished one that this page still delivers
 */

const AGAIN_MS = 5_000;

/** What the service lists at a time. */
const PAGE = 50;

/** Shown at most; older ones are found by their export. A day of a busy clinic is a tenth of it. */
const SESSIONS_MAX = 500;

/** @type {Record<Session["state"], string>} */
const STATES = { recording: "Recording", interrupted: "Interrupted", finishing: "Finishing", finished: "Finished" };

export class SessionList {
  /**
   * @param {object} owner
   * @param {(session: Session) => void} owner.open
   * @param {() => void} owner.changed
   */
  constructor({ open, changed }) {
    this.open = open;
    this.changed = changed;
    /** @type {Session[]} newest first */
    this.sessions = [];
    this.here = "";
    this.isLocked = false;
    /** @type {Waiting[]} */
    this.waiting = [];
    this.isAsking = false;
    this.isOutdated = false;
    this.hasOlder = true;
    this.marked = "";
    this.shown = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    byId("more-sessions").addEventListener("click", () => void this.#more());
  }

  /** The newest that was begun today and is not finished, unless it is the one on the page. */
  get unfinished() {
    const since = Date.now() - 24 * 3_600_000;
    const waiting = new Set(this.waiting.map(({ session }) => session.id));
    const found = this.sessions.find(
      ({ id, state, created_at_ms }) => state !== "finished" && created_at_ms > since && !waiting.has(id),
    );
    return found && found.id !== this.here ? found : null;
  }

  /** As it was last listed. @param {string} id */
  find(id) {
    return this.sessions.find((session) => session.id === id) ?? null;
  }

  /** Asks for the newest; again after a while as long as one of them is about to change. */
  async refresh() {
    // What changed after the question was put may not be in its answer.
    this.isOutdated = this.isAsking;
    if (this.isAsking) return;
    this.isAsking = true;
    clearTimeout(this.timer);
    try {
      const newest = await listSessions();
      const ids = new Set(newest.map(({ id }) => id));
      const oldest = newest.at(-1)?.created_at_ms ?? 0;
      const older = this.sessions.filter(({ id, created_at_ms }) => !ids.has(id) && created_at_ms < oldest);
      this.sessions = [...newest, ...older].slice(0, SESSIONS_MAX);
      this.#note(newest.length === 0 ? "No sessions yet." : "");
    } catch (error) {
      this.#note(`${/** @type {Error} */ (error).message} The list may be old.`);
    }
    this.isAsking = false;
    this.render();
    this.changed();
    if (this.isOutdated) await this.refresh();
    else this.#again();
  }

  #again() {
    const isMoving = this.sessions.some(
      ({ id, state }) => (state === "recording" || state === "finishing") && !(id === this.here && this.isLocked),
    );
    const isFailing = !byId("sessions-note").hidden && this.sessions.length > 0;
    if (isMoving || isFailing) {
      this.timer = setTimeout(() => void (document.hidden ? this.#again() : this.refresh()), AGAIN_MS);
    }
  }

  async #more() {
    try {
      const older = await listSessions(this.sessions.at(-1)?.created_at_ms);
      this.sessions = [...this.sessions, ...older].slice(0, SESSIONS_MAX);
      this.hasOlder = older.length > 0 && this.sessions.length < SESSIONS_MAX;
      this.render();
    } catch (error) {
      this.#note(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} text */
  #note(text) {
    setText("sessions-note", text);
    byId("sessions-note").hidden = text === "";
  }

  /**
   * @param {string} here what is on the page
   * @param {boolean} isLocked while leaving it would lose something
   * @param {Waiting[]} waiting
   */
  mark(here, isLocked, waiting) {
    const told = JSON.stringify([here, isLocked, waiting]);
    if (told === this.marked) return;
    this.marked = told;
    this.here = here;
    this.isLocked = isLocked;
    this.waiting = waiting;
    this.render();
  }

  render() {
    byId("more-sessions").hidden = !this.hasOlder || this.sessions.length < PAGE;
    const told = JSON.stringify([this.sessions, this.here, this.isLocked, this.waiting]);
    if (told === this.shown) return;
    this.shown = told;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.session;
    const unlisted = this.waiting.map(({ session }) => session).filter(({ id }) => this.find(id) === null);
    byId("session-list").replaceChildren(...[...unlisted.reverse(), ...this.sessions].map((session) => this.#item(session)));
    if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-session="${focused}"]`))?.focus();
  }

  /** @param {Session} session */
  #item(session) {
    const waiting = this.waiting.find((each) => each.session.id === session.id);
    const label = waiting ? waiting.session.label : session.label;
    const item = document.createElement("li");
    item.className = session.id === this.here ? "here" : "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "open";
    button.dataset.session = session.id;
    button.disabled = this.isLocked && session.id !== this.here;
    if (session.id === this.here) button.setAttribute("aria-current", "true");
    // What can be pressed to record, pause and finish has those names alone; a state is told beside the name.
    button.setAttribute("aria-label", `${label || "No title"}, ${dayAndTime(session.created_at_ms)}`);
    const state = STATES[waiting ? "finishing" : session.state];
    const undelivered = session.undelivered_ms > 0 ? `${spell(session.undelivered_ms / 1_000)} not yet delivered` : "";
    const note = waiting?.note ?? undelivered;
    button.setAttribute("aria-description", note ? `${state}, ${note}` : state);
    button.append(
      line(label ? "title" : "title unnamed", label || "No title"),
      line("note", `${dayAndTime(session.created_at_ms)} · ${clockTime(16 * session.covered_ms)} · ${state}`),
    );
    if (note) button.append(line("note undelivered", note));
    button.addEventListener("click", () => this.open(session));
    item.append(button);
    return item;
  }
}

/** @param {string} className @param {string} text */
function line(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}
