/** Recordings in every condition, for the tests of what is said about them. */

import { newLink } from "../../../../../services/ingest/recorder/link-state.js";

/**
 * @typedef {import("../../../../../services/ingest/recorder/link-state.js").Link} Link
 * @typedef {import("../../../../../services/ingest/recorder/screen.js").Recording} Recording
 * @typedef {import("../../../../../services/ingest/recorder/screen.js").Facts} Facts
 * @typedef {import("../../../../../services/ingest/recorder/delivery.js").Delivery} Delivery
 */

export const SECOND = 16_000;

/** Recording, connected, with 40 s captured of which 38 s are covered; then as told. @param {Partial<Link>} link @param {Partial<Delivery>} delivery */
export function link(link = {}, delivery = {}) {
  const made = newLink("5e55105e-0000-4000-8000-000000000001", "7a4e7a4e-0000-4000-8000-000000000001");
  return {
    ...made,
    phase: /** @type {const} */ ("live"),
    intent: /** @type {const} */ ("recording"),
    dial: 1,
    ...link,
    delivery: made.delivery.with({
      capturedUntil: 40 * SECOND,
      keptFrom: 38 * SECOND,
      covered: 38 * SECOND,
      sentUntil: 40 * SECOND,
      sendUntil: 68 * SECOND,
      ...delivery,
    }),
  };
}

/** @param {Partial<Recording>} more @returns {Recording} */
export const recording = (more = {}) => ({
  link: link(),
  capture: { state: "on", level: 0.25, isSilent: false },
  problem: "",
  notice: null,
  draft: null,
  ...more,
});

/** Nothing is delivered beside what the page shows. */
export const NONE = { count: 0, undelivered: 0, isStopped: false, isConnected: true, hasRoom: true };

/** @param {Recording | null} recording @param {Partial<Facts>} more @returns {Facts} */
export const facts = (recording, more = {}) => ({
  recording,
  opened: null,
  offered: null,
  earlier: NONE,
  hasWords: false,
  isOnline: true,
  isBroken: false,
  ...more,
});

/** @param {Partial<import("../../../../../services/ingest/recorder/api.js").Session>} more */
export const session = (more = {}) => ({
  id: "5e55105e-0000-4000-8000-000000000002",
  label: "",
  state: /** @type {const} */ ("interrupted"),
  created_at_ms: 1_790_000_000_000,
  covered_ms: 45_000,
  undelivered_ms: 0,
  takes: 1,
  ...more,
});
