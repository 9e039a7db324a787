/** The patient or title that a session is listed under: kept here until the service has it, in memory only. */

import { Refusal, putLabel } from "./api.js";

const PAUSE_MS = 700;
const AGAIN_MS = 3_000;

export class Label {
  /**
   * @param {HTMLInputElement} input
   * @param {(note: string) => void} say
   * @param {() => void} saved
   */
  constructor(input, say, saved) {
    this.input = input;
    this.say = say;
    this.saved = saved;
    /** @type {string | null} where it is written; null while the service does not know the session yet */
    this.session = null;
    this.isPending = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    input.addEventListener("input", () => {
      this.isPending = true;
      this.say("");
      this.#saveAfter(PAUSE_MS);
    });
  }

  /** Another session, or none yet. What was typed for the last one and is not saved yet goes with it. @param {string} label */
  reset(label) {
    clearTimeout(this.timer);
    this.session = null;
    this.isPending = false;
    this.input.value = label;
    this.say("");
  }

  /** The service knows the session. @param {string} session */
  belongsTo(session) {
    if (this.session === session) return;
    this.session = session;
    this.#saveAfter(0);
  }

  /** @param {number} ms */
  #saveAfter(ms) {
    clearTimeout(this.timer);
    if (this.isPending && this.session !== null) this.timer = setTimeout(() => void this.#save(), ms);
  }

  async #save() {
    const { session } = this;
    const label = this.input.value.trim();
    if (session === null) return;
    const problem = await putLabel(session, label).then(() => null, (error) => error);
    if (session !== this.session || label !== this.input.value.trim()) return;
    this.isPending = problem !== null;
    if (problem === null) {
      this.say("Saved");
      this.saved();
    } else if (problem instanceof Refusal && problem.status >= 400 && problem.status < 500) {
      this.say(`Not saved. ${problem.message}`);
    } else {
      this.say("Not saved yet; it is tried again.");
      this.#saveAfter(AGAIN_MS);
    }
  }
}
