/** Keeps the screen of a phone on while it records: with the screen, the system would switch off the page and its microphone. */

export class ScreenLock {
  constructor() {
    this.isWanted = false;
    /** @type {WakeLockSentinel | null} */
    this.lock = null;
    // The system takes it back whenever the page is hidden.
    document.addEventListener("visibilitychange", () => void this.#follow());
  }

  /** @param {boolean} isWanted */
  want(isWanted) {
    if (isWanted === this.isWanted) return;
    this.isWanted = isWanted;
    void this.#follow();
  }

  async #follow() {
    try {
      if (!this.isWanted) await this.lock?.release();
      else if (!document.hidden && (this.lock === null || this.lock.released)) {
        this.lock = await navigator.wakeLock.request("screen");
        if (!this.isWanted) await this.lock.release();
      }
    } catch {
      // Refused on a low battery, or unknown to this browser: recording goes on, and what is missed is a gap that is shown.
    }
  }
}
