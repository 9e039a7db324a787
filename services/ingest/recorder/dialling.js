/**
 * How a recorder's link gets a connection, and what it does without one: tickets, dials, backoff, stops. Pure; the twin of
 * `client/dialling.py`.
 */

import { ASK_MS_MAX, LIMIT_MS, OPEN_MS_MAX, SILENCE_MS_MAX } from "./link-state.js";
import { VERSION } from "./messages.js";

/** How long a connection may have been silent when something says that the network changed: one ping and a little. */
export const CHECK_SILENCE_MS = 6_000;

export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_WELCOMED_MS_MAX = 1_000;
export const BACKOFF_MS_MAX = 10_000;
/** A connection that lived this long counts as progress, even if nobody spoke. */
export const LIFE_MS = 5_000;

/** After the end: how long a lost connection is dialled again for polish and draft, when all audio is stored. */
export const NOTE_AWAITED_MS = 30_000;

export const TICKET_MARGIN_MS = 5_000;

/**
 * @typedef {import("./link-state.js").Link} Link
 * @typedef {import("./events.js").Moment} Moment
 * @typedef {[Link, import("./events.js").Effect[]]} Next
 */

/** Dial now, or ask for a ticket first where none is valid. @param {Link} link @param {Moment} moment @returns {Next} */
export function connect(link, moment) {
  if (moment.nowMs >= link.ticketUntilMs - TICKET_MARGIN_MS) {
    return [{ ...link, phase: "asking", dueMs: moment.nowMs + ASK_MS_MAX }, [{ type: "askTicket" }]];
  }
  // Above every earlier one, also when this machine's clock was set back since (4509 carries the stored one).
  const dial = Math.max(moment.wallMs, link.dial + 1);
  link = { ...link, phase: "dialling", dial, dueMs: moment.nowMs + OPEN_MS_MAX, bye: null };
  return [link, [{ type: "dial", dial }]];
}

/** @param {Link} link @param {import("./events.js").Ticketed} event @param {Moment} moment @returns {Next} */
export function ticketed(link, event, moment) {
  link = withTicket(link, event.token, event.expiresInMs, moment);
  return link.phase === "asking" ? connect(link, moment) : [link, []];
}

/** @param {Link} link @param {string} token @param {number} expiresInMs @param {Moment} moment @returns {Link} */
export function withTicket(link, token, expiresInMs, moment) {
  // One that lives no longer than the margin would be asked for again, and again at once.
  const untilMs = moment.nowMs + Math.max(expiresInMs, 2 * TICKET_MARGIN_MS);
  return { ...link, ticket: token, ticketUntilMs: untilMs };
}

/** @type {Record<number, number>} */
const CODES = { 401: 4401, 403: 4403, 410: 4410 };

/** @param {Link} link @param {import("./events.js").TicketRefused} event @param {Moment} moment @returns {Next} */
export function ticketRefused(link, event, moment) {
  const code = CODES[event.status];
  if (code === undefined) return wait(link, moment, BACKOFF_MS_MAX);
  return stop({ ...link, bye: { type: "bye", code, reason: event.message, retry: false } });
}

/** @param {Link} link @param {import("./events.js").Opened} event @param {Moment} moment @returns {Next} */
export function opened(link, event, moment) {
  /** @type {import("./messages.js").Hello} */
  const hello = {
    type: "hello",
    version: VERSION,
    session: link.session,
    ticket: link.ticket,
    take_id: link.takeId,
    dial: link.dial,
    takeover: moment.nowMs < link.takeoverUntilMs,
    captured_until: link.delivery.capturedUntil,
    gap_no: link.delivery.gapNo,
    recording: link.intent === "recording",
    log_id: link.logId,
    cursors: link.cursors,
    config: link.logId === null ? link.config : null,
  };
  link = { ...link, phase: "greeting", dueMs: moment.nowMs + SILENCE_MS_MAX };
  return [link, [{ type: "sendMessage", message: hello }]];
}

/**
 * Dial again later: full jitter, so that a thousand recorders do not return to a restarted server as one.
 * @param {Link} link
 * @param {Moment} moment
 * @param {number} capMs
 * @returns {Next}
 */
function wait(link, moment, capMs, atLeastMs = 0) {
  const limitMs = Math.min(capMs, BACKOFF_FIRST_MS * 2 ** Math.min(link.tries, 30));
  const waitMs = Math.max(atLeastMs, Math.floor(moment.random * limitMs));
  return [{ ...link, phase: "waiting", tries: link.tries + 1, dueMs: moment.nowMs + waitMs }, []];
}

/** @param {Link} link @returns {Next} */
const stop = (link) => [{ ...link, phase: "stopped", dueMs: null }, []];

// --- losing a connection

/** @param {Link} link @param {import("./events.js").Closed} event @param {Moment} moment @returns {Next} */
export function closed(link, event, moment) {
  let code = link.bye ? link.bye.code : event.code;
  // Ours says so before it closes; 1009 is what a library says in our place when a message is too big.
  code = code === 1009 ? 4413 : code;
  if (code === 1000 && isOver(link)) {
    return [{ ...link, phase: link.intent === "finished" ? "done" : "resting", dueMs: null }, []];
  }
  if (code === 4401) return wait({ ...link, ticketUntilMs: 0 }, moment, BACKOFF_MS_MAX);
  if (4400 <= code && code < 4500) {
    return stop({ ...link, bye: link.bye ?? { type: "bye", code, reason: "", retry: false } });
  }
  return lost(link, moment);
}

/** Whether the server's "all done" is true of us: never while anything captured is not stored. @param {Link} link */
const isOver = (link) => link.phase === "finished" && link.delivery.isDelivered && link.intent !== "recording";

/**
 * Dial again: at once where the server moves us, else after a while that grows until there is progress.
 * @param {Link} link
 * @param {Moment} moment
 * @returns {Next}
 */
function lost(link, moment) {
  const welcomed = link.phase === "live" || link.phase === "finishing" || link.phase === "finished";
  const bye = link.bye;
  if (welcomed && progressed(link, moment)) link = { ...link, tries: 0 };
  if (bye?.code === 4509 && bye.dial !== undefined) link = { ...link, dial: Math.max(link.dial, bye.dial) };
  if (noteIsLate(link, moment)) return [{ ...link, phase: "done", dueMs: null }, []];
  if (bye?.code === 4512 && welcomed) return connect(link, moment);
  return wait(link, moment, welcomed ? BACKOFF_WELCOMED_MS_MAX : BACKOFF_MS_MAX, bye?.retry_after_ms ?? 0);
}

/**
 * All audio is stored and the session finished: what is still awaited is not worth dialling for ever.
 * @param {Link} link
 * @param {Moment} moment
 */
function noteIsLate(link, moment) {
  const over = link.intent === "finished" && link.finishedAtMs !== null && link.delivery.isDelivered;
  return over && moment.nowMs - (link.finishedAtMs ?? 0) >= NOTE_AWAITED_MS;
}

/** @param {Link} link @param {Moment} moment */
function progressed(link, moment) {
  const coveredMore = link.delivery.covered > link.coveredAtWelcome;
  return coveredMore || moment.nowMs - link.welcomedAtMs >= LIFE_MS;
}

/** @param {Link} link @param {Moment} moment @returns {Next} */
export function giveUp(link, moment) {
  const [next, effects] = lost({ ...link, bye: null }, moment);
  return [next, [{ type: "hangUp" }, ...effects]];
}

/** @param {Link} link @param {unknown} event @param {Moment} moment @returns {Next} */
export function tick(link, event, moment) {
  if (link.dueMs === null || moment.nowMs < link.dueMs) return [link, []];
  return link.phase === "waiting" ? connect(link, moment) : giveUp(link, moment);
}

/** @param {Link} link @param {unknown} event @param {Moment} moment @returns {Next} */
export function check(link, event, moment) {
  if (link.phase === "waiting") return connect(link, moment);
  const silentMs = moment.nowMs - ((link.dueMs ?? 0) - (LIMIT_MS[link.phase] ?? 0));
  return silentMs >= CHECK_SILENCE_MS ? giveUp(link, moment) : [link, []];
}
