/**
 * Stage 3 of 13. The socket, the timer and the tape of one link: does what `link.js` decides, and tells it what happened.
 * One socket at a time: an older one is closed and never heard again, for a network may still deliver what it held back.
 */

import { Refusal, askTicket } from "./api.js";
import { encodeFrame } from "./frames.js";
import { deadlineMs, step } from "./link.js";
import { PROTOCOL, decodeServerMessage } from "./messages.js";

/**
 * What the shell asks of the browser; tests give their own.
 * @typedef {object} Platform
 * @property {() => WebSocket} open
 * @property {typeof askTicket} askTicket
 * @property {() => number} nowMs monotonic
 * @property {() => number} wallMs
 * @property {() => number} random
 * @property {(ms: number, act: () => void) => () => void} after gives the way to call it off
 */

/** @type {Platform} */
export const BROWSER = {
  open: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/stream`, PROTOCOL),
  askTicket,
  nowMs: () => performance.now(),
  wallMs: Date.now,
  random: Math.random,
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * @typedef {import("./link-state.js").Link} Link
 * @typedef {import("./events.js").Event} Event
 * @typedef {import("./events.js").Effect} Effect
 *
 * @typedef {object} Owner whoever owns the shell
 * @property {import("./tape.js").Tape} tape
 * @property {(message: import("./messages.js").ServerMessage) => void} show
 * @property {() => void} stopCapture
 * @property {() => void} resumeCapture
 * @property {() => void} changed
 */

/** A browser tells nobody when a socket has passed on what it holds, so it is asked. */
const ASK_FLUSHED_MS = 50;

const IS_OPEN = 1;

/** @param {import("./api.js").Ticket} ticket @returns {Event} */
const ticketed = ({ token, expires_in_ms }) => ({ type: "ticketed", token, expiresInMs: expires_in_ms });

/** @param {unknown} error @returns {Event} */
const ticketRefused = (error) =>
  error instanceof Refusal
    ? { type: "ticketRefused", status: error.status, message: error.message }
    : { type: "ticketRefused", status: 0, message: "" };

export class Shell {
  /**
   * @param {Link} link
   * @param {Owner} owner
   * @param {Platform} platform
   */
  constructor(link, owner, platform = BROWSER) {
    this.link = link;
    this.owner = owner;
    this.platform = platform;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Event[]} */
    this.waiting = [];
    this.isBusy = false;
    this.isClosed = false;
    this.callOffTimer = () => {};
    /** When the socket is asked next whether it has passed on its audio; null when it was given none. */
    /** @type {number | null} */
    this.askAtMs = null;
  }

  /** What happens while effects are carried out waits until they are, or what is sent would change places. @param {Event} event */
  happen(event) {
    if (this.isClosed) return;
    this.waiting.push(event);
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift() ?? this.#due()) this.#step(next);
    } finally {
      this.isBusy = false;
    }
    this.#arm();
    this.owner.changed();
  }

  /** The person is done with this session; nothing is heard or sent any more. */
  close() {
    this.isClosed = true;
    this.callOffTimer();
    this.#hangUp();
  }

  /**
   * What is due by time. Timers are not enough: browsers hold back those of a page that nobody looks at, to once a minute,
   * while sound and messages go on coming to it.
   * @returns {Event | undefined}
   */
  #due() {
    const nowMs = this.platform.nowMs();
    if (this.askAtMs !== null && nowMs >= this.askAtMs) {
      const isFlushed = this.socket?.bufferedAmount === 0;
      this.askAtMs = isFlushed ? null : nowMs + ASK_FLUSHED_MS;
      if (isFlushed) return { type: "flushed", dial: this.link.dial };
    }
    const dueMs = deadlineMs(this.link);
    return dueMs !== null && Math.floor(nowMs) >= dueMs ? { type: "tick" } : undefined;
  }

  /** @param {Event} event */
  #step(event) {
    const { nowMs, wallMs, random } = this.platform;
    const moment = { nowMs: Math.floor(nowMs()), wallMs: Math.floor(wallMs()), random: random() };
    const [link, effects] = step(this.link, event, moment);
    this.link = link;
    for (const effect of effects) this.#do(effect);
  }

  /** @param {Effect} effect */
  #do(effect) {
    switch (effect.type) {
      case "dial":
        return this.#dial(effect.dial);
      case "hangUp":
        return this.#hangUp();
      case "askTicket":
        return void this.#askTicket();
      case "sendMessage":
        return this.#send(JSON.stringify(effect.message));
      case "sendAudio":
        this.#send(encodeFrame(effect.start, this.owner.tape.read(effect.start, effect.until)));
        // Never at once: what waits for credit goes out in parts, and the page stays alive between them.
        this.askAtMs ??= this.platform.nowMs() + ASK_FLUSHED_MS;
        return;
      case "forget":
        return this.owner.tape.forget(effect.covered);
      case "show":
        return this.owner.show(effect.message);
      case "stopCapture":
        return this.owner.stopCapture();
      case "resumeCapture":
        return this.owner.resumeCapture();
    }
  }

  /** @param {number} dial */
  #dial(dial) {
    this.#hangUp();
    const socket = this.platform.open();
    this.socket = socket;
    const isCurrent = () => socket === this.socket;
    socket.onopen = () => isCurrent() && this.happen({ type: "opened", dial });
    socket.onmessage = ({ data }) => isCurrent() && this.#heard(dial, data);
    socket.onclose = ({ code }) => {
      if (!isCurrent()) return;
      this.#hangUp();
      this.happen({ type: "closed", dial, code });
    };
  }

  #hangUp() {
    const socket = this.socket;
    this.socket = null;
    this.askAtMs = null;
    socket?.close();
  }

  /** @param {number} dial @param {unknown} data */
  #heard(dial, data) {
    const message = decodeServerMessage(data);
    if (message) this.happen({ type: "came", dial, message });
    if (message !== undefined) return;
    // Whoever speaks so is no service of ours: as good as lost.
    this.#hangUp();
    this.happen({ type: "closed", dial, code: 1002 });
  }

  async #askTicket() {
    this.happen(await this.platform.askTicket(this.link.session).then(ticketed, ticketRefused));
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  #send(data) {
    // One that is closing says so by itself, and everything is sent again on the next.
    if (this.socket?.readyState === IS_OPEN) this.socket.send(data);
  }

  #arm() {
    this.callOffTimer();
    const dueMs = Math.min(deadlineMs(this.link) ?? Infinity, this.askAtMs ?? Infinity);
    if (dueMs === Infinity) return;
    this.callOffTimer = this.platform.after(Math.max(0, dueMs - this.platform.nowMs()), () => this.#wake());
  }

  #wake() {
    const due = this.#due();
    if (due) this.happen(due);
    else this.#arm();
  }
}
