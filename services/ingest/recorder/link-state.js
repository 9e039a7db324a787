/** What a recorder's link knows: its phase, what the person wants, and where everything stands. Pure; the twin of `client/link_state.py`. */

import { Delivery } from "./delivery.js";
import { TAPE_SAMPLES_MAX } from "./tape.js";

/** The server pings every 5 s: two pings and a little. */
export const SILENCE_MS_MAX = 12_000;

export const OPEN_MS_MAX = 10_000;
export const ASK_MS_MAX = 10_000;

/**
 * - `resting`: no connection is wanted
 * - `asking`: for a ticket
 * - `finishing`: `finish` was sent on this connection
 * - `finished`: the server has said so; polish and draft may still come
 * - `stopped`: a person must act; `bye` says why
 * @typedef {"resting" | "waiting" | "asking" | "dialling" | "greeting" | "live" | "finishing" | "finished" | "stopped" | "done"} Phase
 *
 * What the person wants.
 * @typedef {"idle" | "recording" | "paused" | "finished"} Intent
 */

/** How long each of these phases may hear nothing. @type {Partial<Record<Phase, number>>} */
export const LIMIT_MS = {
  asking: ASK_MS_MAX,
  dialling: OPEN_MS_MAX,
  greeting: SILENCE_MS_MAX,
  live: SILENCE_MS_MAX,
  finishing: SILENCE_MS_MAX,
  finished: SILENCE_MS_MAX,
};

/**
 * @typedef {object} Link
 * @property {string} session
 * @property {string} takeId
 * @property {import("./messages.js").Config} config
 * @property {number} tapeSamplesMax
 * @property {Phase} phase
 * @property {Intent} intent
 * @property {Delivery} delivery
 * @property {number | null} dueMs when the present phase has lasted too long, or long enough
 * @property {number} dial
 * @property {number} tries since the last progress
 * @property {string} ticket
 * @property {number} ticketUntilMs
 * @property {number} takeoverUntilMs
 * @property {string | null} logId
 * @property {import("./messages.js").Cursors} cursors
 * @property {number} welcomedAtMs
 * @property {number} coveredAtWelcome
 * @property {number | null} finishedAtMs
 * @property {number | null} fullSinceMs the tape is full and capture stopped; positions do not advance
 * @property {import("./messages.js").Bye | null} bye why the last connection ended, if the server said; in `stopped`,
 * what the person must be told
 */

/**
 * @param {string} session
 * @param {string} takeId
 * @param {import("./messages.js").Config} config
 * @returns {Link}
 */
export const newLink = (session, takeId, config = {}, tapeSamplesMax = TAPE_SAMPLES_MAX) => ({
  session,
  takeId,
  config,
  tapeSamplesMax,
  phase: "resting",
  intent: "idle",
  delivery: new Delivery(),
  dueMs: null,
  dial: 0,
  tries: 0,
  ticket: "",
  ticketUntilMs: 0,
  takeoverUntilMs: 0,
  logId: null,
  cursors: { entries: 0, polished: 0 },
  welcomedAtMs: 0,
  coveredAtWelcome: 0,
  finishedAtMs: null,
  fullSinceMs: null,
  bye: null,
});
