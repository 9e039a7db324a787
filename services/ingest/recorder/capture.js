/**
 * Stage 1 of 13. Takes the microphone, gives chunks of PCM, and a gap wherever sound was missed: a device that was
 * lost, a page that was frozen. While it is wanted it finds its way back to a microphone by itself.
 */

import { SAMPLES_PER_SECOND } from "./chunks.js";
import { Continuity } from "./continuity.js";
import { openMicrophone } from "./microphone.js";

/**
 * What capture asks of the browser; tests give their own.
 * @typedef {object} Platform
 * @property {typeof openMicrophone} open
 * @property {Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined} devices
 * @property {() => number} nowMs the time of day
 * @property {(ms: number, act: () => void) => () => void} after gives the way to call it off
 */

/** @type {Platform} */
const BROWSER = {
  open: openMicrophone,
  devices: globalThis.navigator?.mediaDevices,
  nowMs: Date.now,
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * - `off`: not wanted
 * - `starting`: asked for; no sound has come yet
 * - `on`: sound comes
 * - `stalled`: open, but no sound comes
 * - `lost`: gone; opened again as soon as there is one
 * @typedef {"off" | "starting" | "on" | "stalled" | "lost"} CaptureState
 * @typedef {"device_lost" | "suspended"} MissedCause
 * @typedef {object} Sink
 * @property {(pcm: Int16Array<ArrayBuffer>) => void} chunk
 * @property {(cause: MissedCause, wallMs: number) => void} gap
 * @property {() => void} changed
 */

const STALLED_AFTER_MS = 2_000;
const AGAIN_AFTER_MS = 2_000;
/** Below this a sample is zero but for rounding: no room is so quiet, only a switched-off microphone. */
const SILENT_PEAK = 4 / 32_768;
const SILENT_AFTER_MS = 6_000;

export class Capture {
  /**
   * @param {Sink} sink
   * @param {Platform} platform
   */
  constructor(sink, platform = BROWSER) {
    this.sink = sink;
    this.platform = platform;
    /** @type {CaptureState} */
    this.state = "off";
    this.level = 0;
    this.muted = false;
    this.silentMs = 0;
    this.continuity = new Continuity();
    /** @type {Awaited<ReturnType<typeof openMicrophone>> | null} */
    this.microphone = null;
    this.callOff = () => {};
    /** Counts starts and stops: a microphone that opens after its turn is closed again. */
    this.turn = 0;
    this.isOpening = false;
    this.reopen = () => void this.#reopen();
  }

  /** Whether the microphone is open and gives nothing but digital silence. */
  get isSilent() {
    return this.state === "on" && (this.muted || this.silentMs >= SILENT_AFTER_MS);
  }

  /** Rejects with the browser's DOMException, and is off then, if there is no microphone to be had. */
  async start() {
    if (this.state !== "off") return;
    this.#become("starting");
    this.platform.devices?.addEventListener("devicechange", this.reopen);
    try {
      await this.#openOne();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Resolves when all sound up to now, and all that was missed, was given. */
  async stop() {
    this.turn++;
    this.platform.devices?.removeEventListener("devicechange", this.reopen);
    await this.#closeOne();
    const missedMs = this.platform.nowMs() - this.continuity.lastMs;
    if (this.state === "lost") this.#missed("device_lost", missedMs);
    if (this.state === "stalled") this.#missed("suspended", missedMs);
    this.#become("off");
  }

  async #openOne() {
    const turn = ++this.turn;
    const microphone = await this.platform.open({
      heard: (chunk) => this.#heard(chunk),
      ended: () => void this.#ended(),
      muted: (muted) => this.#changed(() => (this.muted = muted)),
    });
    if (turn !== this.turn) return microphone.close();
    this.microphone = microphone;
    this.#watch();
  }

  async #closeOne() {
    const microphone = this.microphone;
    this.microphone = null;
    this.callOff();
    this.muted = false;
    this.silentMs = 0;
    this.level = 0;
    await microphone?.close();
  }

  async #ended() {
    const turn = this.turn;
    await this.#closeOne();
    if (turn !== this.turn) return;
    this.#become("lost");
    await this.#reopen();
  }

  async #reopen() {
    if (this.state !== "lost" || this.isOpening) return;
    this.callOff();
    this.isOpening = true;
    try {
      await this.#openOne();
    } catch {
      // A microphone that another program lets go of announces nothing, so it is asked for again by time too.
      if (this.state === "lost") this.callOff = this.platform.after(AGAIN_AFTER_MS, this.reopen);
    } finally {
      this.isOpening = false;
    }
  }

  /** @param {import("./microphone.js").Heard} chunk */
  #heard({ pcm, peak, wallMs }) {
    const chunkMs = (pcm.length * 1_000) / SAMPLES_PER_SECOND;
    const before = this.state;
    if (before === "off") return;
    if (before === "starting") this.continuity.begin(wallMs - chunkMs);
    if (before === "lost") {
      this.#missed("device_lost", wallMs - chunkMs - this.continuity.lastMs);
      this.continuity.begin(wallMs - chunkMs);
    }
    const missedMs = this.continuity.heard(wallMs, chunkMs);
    if (missedMs > 0) this.#missed("suspended", missedMs);
    this.level = peak;
    this.silentMs = peak < SILENT_PEAK ? this.silentMs + chunkMs : 0;
    this.state = "on";
    this.#watch();
    this.sink.chunk(pcm);
  }

  /**
   * @param {MissedCause} cause
   * @param {number} wallMs
   */
  #missed(cause, wallMs) {
    this.sink.gap(cause, Math.max(1, Math.round(wallMs)));
  }

  /** Sound comes ten times a second; if it stops without an event, the person must know, and we ask for it. */
  #watch() {
    this.callOff();
    if (this.microphone === null) return;
    this.callOff = this.platform.after(STALLED_AFTER_MS, () => {
      this.microphone?.wake();
      this.#watch();
      this.#become(this.state === "on" ? "stalled" : this.state);
    });
  }

  /** @param {CaptureState} state */
  #become(state) {
    this.#changed(() => (this.state = state));
  }

  /** @param {() => void} change */
  #changed(change) {
    change();
    this.sink.changed();
  }
}
