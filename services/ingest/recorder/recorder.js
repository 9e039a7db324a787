/** One recording of this page: microphone, tape, link and transcript of one session, and what the person does with them. */

import { Capture } from "./capture.js";
import { SAMPLES_PER_SECOND } from "./chunks.js";
import { newLink } from "./link-state.js";
import { Shell } from "./shell.js";
import { Tape } from "./tape.js";
import { Transcript } from "./transcript.js";

/** What is left to deliver when a notice of the server's has lost its meaning. It says when trouble begins, not when it ends. */
const CALM_SAMPLES = 10 * SAMPLES_PER_SECOND;

/**
 * What tests give in the browser's place.
 * @typedef {object} Parts
 * @property {import("./capture.js").Platform} microphones
 * @property {import("./shell.js").Platform} network
 * @property {number} tapeSamplesMax
 */

export class Recorder {
  /**
   * @param {string} session
   * @param {() => void} changed
   * @param {Partial<Parts>} parts
   */
  constructor(session, changed, { microphones, network, tapeSamplesMax } = {}) {
    this.session = session;
    this.tape = new Tape(tapeSamplesMax);
    this.transcript = new Transcript();
    /** @type {import("./capture.js").Sink} */
    const sink = {
      chunk: (pcm) => this.#chunk(pcm),
      gap: (cause, wallMs) => this.shell.happen({ type: "missed", cause, wallMs }),
      changed,
    };
    this.capture = new Capture(sink, microphones);
    /** @type {import("./shell.js").Owner} */
    const owner = {
      tape: this.tape,
      show: (message) => this.#show(message),
      stopCapture: () => void this.#inTurn(() => this.capture.stop()),
      resumeCapture: () => void this.#inTurn(() => this.#open()),
      changed,
    };
    // A take of its own: whatever else records into this session never writes the same positions.
    const link = newLink(session, crypto.randomUUID(), {}, this.tape.samplesMax);
    this.shell = new Shell(link, owner, network);
    this.begunAtMs = this.shell.platform.wallMs();
    this.problem = "";
    /** @type {import("./messages.js").Notice | null} */
    this.notice = null;
    /** @type {import("./messages.js").Draft | null} */
    this.draft = null;
    this.turn = Promise.resolve();
  }

  get link() {
    return this.shell.link;
  }

  // --- what the person does

  record() {
    return this.#inTurn(async () => {
      if (await this.#open()) this.shell.happen({ type: "recordPressed" });
    });
  }

  pause() {
    return this.#inTurn(async () => {
      await this.capture.stop();
      this.shell.happen({ type: "pausePressed" });
    });
  }

  finish() {
    return this.#inTurn(async () => {
      // That a microphone would not open means nothing to who has ended.
      this.problem = "";
      await this.capture.stop();
      this.shell.happen({ type: "finishPressed" });
    });
  }

  /** Nothing of it is wanted any more; the caller has asked the person if something would be lost. */
  async close() {
    this.shell.close();
    await this.#inTurn(() => this.capture.stop());
  }

  // --- what happens

  /** False, with `problem` set, when there is no microphone: then nothing is recorded, and that is said. */
  async #open() {
    this.problem = "";
    try {
      await this.capture.start();
      return true;
    } catch (error) {
      this.problem = error instanceof DOMException ? error.name : "unknown";
      // To stay in `recording` would be a lie that nobody sees through.
      this.shell.happen({ type: "pausePressed" });
      return false;
    }
  }

  /** @param {Int16Array} pcm */
  #chunk(pcm) {
    this.tape.add(pcm);
    this.shell.happen({ type: "captured", until: this.tape.until });
  }

  /** One after another: a microphone that is still closing cannot be opened. @param {() => Promise<unknown>} act */
  #inTurn(act) {
    const done = this.turn.then(act);
    this.turn = done.then(
      () => undefined,
      () => undefined, // whoever asked hears of it; the next one has its turn
    );
    return done;
  }

  /** @param {import("./messages.js").ServerMessage} message */
  #show(message) {
    switch (message.type) {
      case "welcome":
        this.notice = null;
        return this.transcript.follow(message.log_id);
      case "entry":
        return this.transcript.entry(message);
      case "polished":
        return this.transcript.polish(message);
      case "hint":
        return this.transcript.hear(message);
      case "notice":
        this.notice = message;
        return;
      case "draft":
        this.draft = message;
        return;
      case "ack":
        if (this.link.delivery.undelivered < CALM_SAMPLES) this.notice = null;
        return;
      case "finished":
      case "bye":
        this.transcript.hear(null);
    }
  }
}
