/** A session that is read and not recorded: its logs, page by page, and what was added since. */

import { readLog } from "./api.js";
import { Transcript, outlookOf } from "./transcript.js";

/**
 * @typedef {import("./api.js").Session} Session
 * @typedef {import("./transcript.js").Entry} Entry
 * @typedef {import("./transcript.js").Polished} Polished
 */

const AGAIN_MS = 5_000;

/** How often a finished session is asked for its polished text: for half a minute, as one who recorded it waits. */
const TIMES_MAX = 6;

/** And after that, as long as some of its text is to be refined: that may take hours, so nobody asks every moment. */
const REFINED_AGAIN_MS = 30_000;

export class Reading {
  /**
   * @param {Session} session
   * @param {() => void} changed
   * @param {Transcript} transcript what is known of it already
   */
  constructor(session, changed, transcript = new Transcript()) {
    this.session = session;
    this.changed = changed;
    this.transcript = transcript;
    this.problem = "";
    this.isClosed = false;
    this.timesLeft = session.state === "finished" ? TIMES_MAX : Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Reads now, and on while the page is looked at: somebody may be recording into it, and polish follows. */
  async read() {
    clearTimeout(this.timer);
    try {
      while (!this.isClosed && (await this.#page())) this.changed();
      this.problem = "";
    } catch (error) {
      this.problem = /** @type {Error} */ (error).message;
    }
    this.changed();
    this.timesLeft--;
    const isDue = outlookOf(this.transcript.paragraphs()) !== "";
    if (this.isClosed || (this.timesLeft <= 0 && !isDue)) return;
    const waitMs = this.timesLeft > 0 ? AGAIN_MS : REFINED_AGAIN_MS;
    this.timer = setTimeout(() => void (document.hidden ? this.#later() : this.read()), waitMs);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  #later() {
    document.addEventListener("visibilitychange", () => void (this.isClosed || this.read()), { once: true });
  }

  /** Whether there was anything new. */
  async #page() {
    const { transcript } = this;
    const page = await readLog(this.session.id, transcript.nextEntry, transcript.nextPolished);
    transcript.follow(page.log_id);
    for (const entry of page.entries) transcript.entry(/** @type {Entry} */ (entry));
    for (const polished of page.polished) transcript.polish(/** @type {Polished} */ (polished));
    return page.entries.length + page.polished.length > 0;
  }
}
