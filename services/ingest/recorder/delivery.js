/**
 * What a recorder has still to deliver, and what it may send next. Pure; the twin of `client/delivery.py`.
 *
 * Positions only: the audio itself is on the tape. Everything captured is sent in sample order, gaps and pauses at their
 * places among the audio, audio within the server's credit.
 */

import { SAMPLES_PER_SECOND } from "./chunks.js";

/** A recorder sends as it captures, 100 ms at a time; only what waited goes in larger pieces. */
export const FRAME_SAMPLES_MAX = 1 * SAMPLES_PER_SECOND;

/**
 * Audio given to the socket that it has not passed on. More would keep our pongs waiting behind it on a slow network,
 * and the server would take us for dead.
 */
export const IN_FLIGHT_MAX = 2 * SAMPLES_PER_SECOND;

/** Gaps kept; one more joins the last, which adds up their time and keeps the earlier place. */
export const GAPS_MAX = 1_000;

/** Gaps sent and not yet stored, well below what a server admits. */
export const GAPS_AHEAD_MAX = 256;

/** Pauses kept; one more is not, and the engine finalises there at its own pace. */
export const PAUSES_MAX = 1_000;

/**
 * @typedef {import("./messages.js").Welcome} Welcome
 * @typedef {import("./messages.js").Ack} Ack
 * @typedef {import("./messages.js").ClientMessage} ClientMessage
 * @typedef {import("./messages.js").GapCause} GapCause
 * @typedef {{ cause: GapCause, start: number, until: number, wallMs: number }} GapKept
 *
 * - `sendAudio`: send the tape's samples `[start, until)` as one frame
 * @typedef {{ type: "sendAudio", start: number, until: number } | { type: "sendMessage", message: ClientMessage }} Sending
 */

export class Delivery {
  /** @param {Partial<Delivery>} fields */
  constructor(fields = {}) {
    this.capturedUntil = 0;
    /** The first sample still on the tape. */
    this.keptFrom = 0;
    this.covered = 0;
    this.gapsThrough = 0;
    /**
     * Not stored yet, in sample order: the first has the number `gapsThrough` + 1, once it has one.
     * @type {readonly GapKept[]}
     */
    this.gaps = [];
    this.gapsNumbered = 0;
    /** Positions beyond covered. @type {readonly number[]} */
    this.pauses = [];

    /** This and what follows are of the present connection. */
    this.sentUntil = 0;
    this.sendUntil = 0;
    this.inFlight = 0;
    this.gapsSent = 0;
    this.pausesSent = 0;
    Object.freeze(Object.assign(this, fields));
  }

  /** The highest number given, plus one if a gap without a number waits. */
  get gapNo() {
    return this.gapsThrough + this.gapsNumbered + (this.gaps.length > this.gapsNumbered ? 1 : 0);
  }

  /** Samples captured and not covered. */
  get undelivered() {
    return Math.max(0, this.capturedUntil - this.covered);
  }

  get isDelivered() {
    return this.undelivered === 0 && this.gaps.length === 0;
  }

  /** Whether everything there is was sent on this connection. */
  get isSent() {
    const allMarks = this.gapsSent === this.gaps.length && this.pausesSent === this.pauses.length;
    return allMarks && this.sentUntil >= this.capturedUntil;
  }

  // --- what the recorder does

  /** @param {number} until */
  captured(until) {
    // A take that an earlier run began is captured again from its start: what is covered needs no room.
    const keptFrom = Math.max(this.keptFrom, Math.min(this.covered, until));
    return this.with({ capturedUntil: until, keptFrom });
  }

  /**
   * Nothing was captured for `wallMs`, here.
   * @param {GapCause} cause
   * @param {number} wallMs
   */
  missed(cause, wallMs) {
    const at = this.capturedUntil;
    const last = this.gaps.length > this.gapsNumbered ? this.gaps.at(-1) : undefined;
    if (last && (this.gaps.length >= GAPS_MAX || (last.cause === cause && last.until === at))) {
      const joined = { ...last, wallMs: last.wallMs + wallMs };
      return this.with({ gaps: [...this.gaps.slice(0, -1), joined] });
    }
    return this.with({ gaps: [...this.gaps, { cause, start: at, until: at, wallMs }] });
  }

  paused() {
    const at = this.capturedUntil;
    if (at <= this.covered || at === this.pauses.at(-1) || this.pauses.length >= PAUSES_MAX) return this;
    return this.with({ pauses: [...this.pauses, at] });
  }

  // --- what the server says

  /**
   * Everything beyond what is stored is sent anew, and gaps are numbered from there, in sample order.
   * @param {Welcome} welcome
   */
  welcomed(welcome) {
    const covered = welcome.send_from;
    const stored = Math.min(this.gapsNumbered, Math.max(0, welcome.gaps_through - this.gapsThrough));
    let gaps = this.gaps.slice(stored);
    if (covered < this.keptFrom) {
      // The store was put back to an older state: what it had acknowledged since is on no tape any more.
      /** @type {GapKept} */
      const hole = { cause: "lost_after_ack", start: covered, until: this.keptFrom, wallMs: 0 };
      gaps = [hole, ...gaps].sort((left, right) => left.start - right.start);
    }
    return this.with({
      covered,
      keptFrom: Math.max(this.keptFrom, Math.min(covered, this.capturedUntil)),
      gapsThrough: welcome.gaps_through,
      gaps,
      gapsNumbered: this.gapsNumbered - stored,
      pauses: this.pauses.filter((at) => at > covered),
      sentUntil: covered,
      sendUntil: welcome.send_until,
      inFlight: 0,
      gapsSent: 0,
      pausesSent: 0,
    });
  }

  /** @param {Ack} ack */
  acked(ack) {
    const stored = ack.gaps_through - this.gapsThrough;
    const passed = this.pauses.filter((at) => at <= ack.covered).length;
    return this.with({
      covered: ack.covered,
      keptFrom: Math.max(this.keptFrom, Math.min(ack.covered, this.capturedUntil)),
      gapsThrough: ack.gaps_through,
      gaps: this.gaps.slice(stored),
      gapsNumbered: this.gapsNumbered - stored,
      gapsSent: this.gapsSent - stored,
      pauses: this.pauses.slice(passed),
      pausesSent: Math.max(0, this.pausesSent - passed),
      sendUntil: Math.max(this.sendUntil, ack.send_until),
    });
  }

  /** Whether an acknowledgement can be of what was sent; a server that says otherwise is dialled anew. @param {Ack} ack */
  agrees(ack) {
    const stored = ack.gaps_through - this.gapsThrough;
    return this.covered <= ack.covered && ack.covered <= this.sentUntil && 0 <= stored && stored <= this.gapsSent;
  }

  /** The socket has passed on all it was given. */
  flushed() {
    return this.with({ inFlight: 0 });
  }

  // --- what goes out

  /** All that may be sent now, in order, and the delivery once it was. @returns {[Delivery, Sending[]]} */
  nextSends() {
    /** @type {Delivery} */
    let delivery = this;
    /** @type {Sending[]} */
    const sends = [];
    for (let following = next(delivery); following; following = next(delivery)) {
      delivery = following[0];
      sends.push(following[1]);
    }
    return [delivery, sends];
  }

  /** @param {Partial<Delivery>} fields */
  with(fields) {
    return new Delivery({ ...this, ...fields });
  }
}

/** @param {Delivery} delivery @returns {[Delivery, Sending] | null} */
function next(delivery) {
  const gap = delivery.gaps[delivery.gapsSent];
  const pause = delivery.pauses[delivery.pausesSent];
  const limit = Math.min(delivery.capturedUntil, gap?.start ?? Infinity, pause ?? Infinity);
  if (delivery.sentUntil < limit) return audio(delivery, limit);
  if (gap !== undefined && (pause === undefined || gap.start <= pause)) {
    return delivery.gapsSent < GAPS_AHEAD_MAX ? gapSent(delivery, gap) : null;
  }
  if (pause !== undefined) {
    return [delivery.with({ pausesSent: delivery.pausesSent + 1 }), send({ type: "pause", at: pause })];
  }
  return null;
}

/** @param {Delivery} delivery @param {number} limit @returns {[Delivery, Sending] | null} */
function audio(delivery, limit) {
  const start = delivery.sentUntil;
  const room = IN_FLIGHT_MAX - delivery.inFlight;
  const until = Math.min(limit, delivery.sendUntil, start + FRAME_SAMPLES_MAX, start + room);
  if (until <= start) return null;
  const sent = delivery.with({ sentUntil: until, inFlight: delivery.inFlight + until - start });
  return [sent, { type: "sendAudio", start, until }];
}

/**
 * Needs no credit, or a recorder whose credit is used up could never say what it missed.
 * @param {Delivery} delivery
 * @param {GapKept} gap
 * @returns {[Delivery, Sending]}
 */
function gapSent(delivery, gap) {
  const number = delivery.gapsSent + 1;
  const sent = delivery.with({
    sentUntil: Math.max(delivery.sentUntil, gap.until),
    gapsSent: number,
    gapsNumbered: Math.max(delivery.gapsNumbered, number),
  });
  const { cause, start, until, wallMs } = gap;
  return [sent, send({ type: "gap", gap_no: delivery.gapsThrough + number, cause, start, until, wall_ms: wallMs })];
}

/** @param {ClientMessage} message @returns {Sending} */
const send = (message) => ({ type: "sendMessage", message });
