/** The patient or title that sessions are listed under: kept here until the service has it, in memory only. */

import { Refusal, putLabel } from "./api.js";

const PAUSE_MS = 700;
const AGAIN_MS = 3_000;

/** A missing sign-in, a late or a busy service: the label is not the cause, so it is tried again. */
const PASSING = [401, 408, 429];

/** The session is no more, and needs no label. */
const GONE = [404, 410];

/**
 * What tests give in the browser's place.
 * @typedef {object} Platform
 * @property {(session: string, label: string) => Promise<unknown>} put
 * @property {(ms: number, act: () => void) => () => void} after gives the way to call it off
 */

/** @type {Platform} */
const BROWSER = {
  put: putLabel,
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * A label that the service does not have. There is at most one a session, and a page lists a bounded number of those.
 * @typedef {object} Unsaved
 * @property {string} label
 * @property {boolean} isKnown the service knows the session, so there is somewhere to write it
 * @property {string | null} sending what is on its way
 * @property {string} refusal why the service will not have it; empty while it may
 */

export class Label {
  /**
   * @param {Pick<HTMLInputElement, "value" | "addEventListener">} input
   * @param {(note: string) => void} say
   * @param {() => void} saved
   * @param {Platform} platform
   */
  constructor(input, say, saved, platform = BROWSER) {
    this.input = input;
    this.say = say;
    this.saved = saved;
    this.platform = platform;
    /** @type {string | null} what the field is about; null while nothing is recorded that could have a label */
    this.session = null;
    this.isKnown = false;
    this.isTyped = false;
    /** @type {Map<string, Unsaved>} */
    this.unsaved = new Map();
    /** @type {(() => void) | null} */
    this.callOff = null;
    input.addEventListener("input", () => this.#typed());
    input.addEventListener("change", () => this.save());
  }

  /** Whether closing the page now could lose one. */
  get isAtRisk() {
    return this.unsaved.size > 0;
  }

  /** Whether the one in the field will not be had by the service as it is. */
  get isRefused() {
    return this.session !== null && Boolean(this.unsaved.get(this.session)?.refusal);
  }

  /**
   * Another session is on the page, or none yet. What was typed for the last one goes on being saved.
   * @param {string | null} session
   * @param {string} label as the service has it
   * @param {boolean} isKnown to the service
   */
  show(session, label, isKnown) {
    this.save();
    this.session = session;
    this.isKnown = isKnown;
    this.isTyped = false;
    const unsaved = session === null ? undefined : this.unsaved.get(session);
    this.input.value = unsaved?.label ?? label;
    this.say(unsaved?.refusal ?? "");
  }

  /** What is on the page is recorded: there is something that a label can be of. @param {string} session */
  belongsTo(session) {
    if (this.session === session) return;
    this.session = session;
    this.isKnown = false;
    if (this.isTyped) this.#keep(session);
  }

  /** The service knows the session. @param {string} session */
  known(session) {
    if (session === this.session) this.isKnown = true;
    const unsaved = this.unsaved.get(session);
    if (!unsaved || unsaved.isKnown) return;
    unsaved.isKnown = true;
    this.save();
  }

  /** Typed for a session and not yet in the service's list. @param {string} session */
  unsavedOf(session) {
    return this.unsaved.get(session)?.label;
  }

  /** The person wants neither session nor label. @param {string} session */
  forget(session) {
    this.unsaved.delete(session);
  }

  /** All that can be, now. `isLast`: the page goes away, so that nothing is waited for. */
  save({ isLast = false } = {}) {
    this.callOff?.();
    this.callOff = null;
    for (const [session, unsaved] of this.unsaved) {
      if (unsaved.isKnown && !unsaved.refusal) void this.#put(session, unsaved, isLast);
    }
  }

  #typed() {
    this.say("");
    this.isTyped = true;
    if (this.session === null) return;
    this.#keep(this.session);
    this.#saveAfter(PAUSE_MS);
  }

  /** @param {string} session */
  #keep(session) {
    // Control characters come with what is pasted from a table; the service refuses them.
    const label = this.input.value.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
    const unsaved = this.unsaved.get(session);
    if (unsaved) Object.assign(unsaved, { label, refusal: "" });
    else this.unsaved.set(session, { label, isKnown: this.isKnown, sending: null, refusal: "" });
  }

  /** @param {number} ms */
  #saveAfter(ms) {
    this.callOff?.();
    this.callOff = this.platform.after(ms, () => this.save());
  }

  /** @param {string} session @param {Unsaved} unsaved @param {boolean} isLast @returns {Promise<void>} */
  async #put(session, unsaved, isLast) {
    const { label, sending } = unsaved;
    // One after another, or an older one might arrive last.
    if (sending === label || (sending !== null && !isLast)) return;
    unsaved.sending = label;
    const problem = await this.platform.put(session, label).then(() => null, (error) => error);
    unsaved.sending = null;
    if (this.unsaved.get(session) !== unsaved) return;
    if (unsaved.label !== label) return this.#put(session, unsaved, false);
    if (problem === null) {
      this.unsaved.delete(session);
      this.#tell(session, "Saved");
      this.saved();
    } else if (problem instanceof Refusal && problem.status >= 400 && problem.status < 500 && !PASSING.includes(problem.status)) {
      unsaved.refusal = `Not saved. ${problem.message}`;
      if (GONE.includes(problem.status)) this.unsaved.delete(session);
      this.#tell(session, unsaved.refusal);
    } else {
      this.#tell(session, "Not saved yet; it is tried again.");
      if (this.callOff === null) this.#saveAfter(AGAIN_MS);
    }
  }

  /** @param {string} session @param {string} note */
  #tell(session, note) {
    if (session === this.session) this.say(note);
  }
}
