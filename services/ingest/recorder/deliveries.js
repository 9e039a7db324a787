/**
 * Recordings that are finished and not yet delivered while the next one is made: without a network the next patient waits
 * for nobody. Each delivers by itself, as it did on the page, and is let go of once the service has all of it.
 */

import { SAMPLES_PER_SECOND } from "./chunks.js";
import { isAtRisk, stateOf } from "./screen.js";
import { TAPE_SAMPLES_MAX } from "./tape.js";
import { spell } from "./times.js";

/** Kept at most, each with a connection of its own to come; with as many, nothing new is recorded until one is delivered. */
export const HELD_MAX = 20;

/** What must be left of this device's room before something new is recorded: all tapes share what one may hold. */
export const ROOM_MIN = 10 * 60 * SAMPLES_PER_SECOND;

/**
 * @typedef {Pick<import("./recorder.js").Recorder, "session" | "link" | "shell" | "begunAtMs" | "close" | "transcript"> & import("./screen.js").Recording} Held
 * @typedef {import("./api.js").Session} Session
 */

/** @template {Held} Kept */
export class Deliveries {
  /**
   * @param {object} owner
   * @param {(session: string) => void} owner.known the service has come to know a session
   * @param {() => void} owner.delivered
   */
  constructor({ known, delivered }) {
    this.known = known;
    this.delivered = delivered;
    /** @type {Kept[]} oldest first */
    this.held = [];
    /** @type {Set<string>} those of them that the service knows */
    this.knownSessions = new Set();
  }

  /** What a new tape may hold, in samples. */
  get room() {
    const kept = this.held.reduce((sum, { link: { delivery } }) => sum + delivery.capturedUntil - delivery.keptFrom, 0);
    return Math.max(0, TAPE_SAMPLES_MAX - kept);
  }

  /** Whether something new may be recorded beside them. */
  get hasRoom() {
    return this.held.length < HELD_MAX && this.room >= ROOM_MIN;
  }

  /** Whether closing the page now would lose something. */
  get isAtRisk() {
    return this.held.some(isAtRisk);
  }

  /** One that a person must look at before it can be delivered. */
  get stopped() {
    return this.held.find(({ link }) => link.phase === "stopped") ?? null;
  }

  /** What is said of them beside another session. @returns {import("./screen.js").Earlier} */
  get summary() {
    return {
      count: this.held.length,
      undelivered: this.held.reduce((sum, { link }) => sum + link.delivery.undelivered, 0),
      isStopped: this.stopped !== null,
      isConnected: this.held.every(({ link }) => ["live", "finishing", "finished"].includes(link.phase)),
      hasRoom: this.hasRoom,
    };
  }

  /** @param {Kept} recorder finished, and not yet delivered */
  hold(recorder) {
    this.held.push(recorder);
    if (recorder.link.logId !== null) this.knownSessions.add(recorder.session);
  }

  /** Back on the page, as it is. @param {string} session */
  take(session) {
    const taken = this.held.find((each) => each.session === session) ?? null;
    if (taken) this.#drop(taken);
    return taken;
  }

  /** Something has happened to one of them, perhaps. */
  follow() {
    for (const recorder of [...this.held]) {
      const { link, session } = recorder;
      if (link.logId !== null && !this.knownSessions.has(session)) {
        this.knownSessions.add(session);
        this.known(session);
      }
      if (stateOf(link) !== "finished") continue;
      // Polish and draft need no recorder that waits for them.
      this.#drop(recorder);
      void recorder.close();
      this.delivered();
    }
  }

  /** The network may have changed. */
  check() {
    for (const { shell } of [...this.held]) shell.happen({ type: "checkNow" });
  }

  signedIn() {
    for (const { shell, link } of [...this.held]) if (link.bye?.code === 4401) shell.happen({ type: "signedIn" });
  }

  /** As the list shows them: the service may not know them yet. @param {(session: string) => string} labelOf */
  listed(labelOf) {
    return this.held.map(({ session, link, begunAtMs }) => ({
      session: {
        id: session,
        label: labelOf(session),
        state: /** @type {const} */ ("finishing"),
        created_at_ms: begunAtMs,
        covered_ms: Math.floor((1_000 * link.delivery.covered) / SAMPLES_PER_SECOND),
        undelivered_ms: 0,
        takes: 1,
      },
      note: noteOf(link),
    }));
  }

  /** @param {Kept} recorder */
  #drop(recorder) {
    this.held = this.held.filter((each) => each !== recorder);
    this.knownSessions.delete(recorder.session);
  }
}

/** @param {import("./link-state.js").Link} link */
function noteOf({ delivery, phase }) {
  const kept = delivery.undelivered > 0 ? `${spell(delivery.undelivered / SAMPLES_PER_SECOND)} on this device` : "";
  return [kept, phase === "stopped" ? "you are needed here" : "still being delivered"].filter(Boolean).join(", ");
}
