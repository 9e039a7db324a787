/**
 * Stage 3 of 13. The recorder's half of `steno.v1`: when to dial, what to say, when to give a connection up. Pure; twin of
 * `client/link.py`.
 *
 * Events and a moment go in; the next link and effects come out. The shell (`stream.py`, `shell.js`) owns sockets, tape and
 * capture: it does the effects in order, calls `step` with `tick` once `deadlineMs` has passed, and shows what `phase`,
 * `intent` and `delivery` say. Capture and tape go on in every phase: a network is never a reason to stop recording.
 */

import { SAMPLES_PER_SECOND } from "./chunks.js";
import { check, closed, connect, giveUp, opened, tick, ticketRefused, ticketed, withTicket } from "./dialling.js";
import { SILENCE_MS_MAX } from "./link-state.js";

/** How long a person's press may displace another recorder; an automatic redial never does. */
export const TAKEOVER_MS = 30_000;

/** Room kept for what is captured while capture is being stopped. */
export const TAPE_RESERVE = 2 * SAMPLES_PER_SECOND;

export const TAPE_ROOM_AGAIN = 10 * SAMPLES_PER_SECOND;

/**
 * @typedef {import("./link-state.js").Link} Link
 * @typedef {import("./link-state.js").Phase} Phase
 * @typedef {import("./events.js").Event} Event
 * @typedef {import("./events.js").Effect} Effect
 * @typedef {import("./events.js").Moment} Moment
 * @typedef {import("./dialling.js").Next} Next
 * @typedef {(link: Link, event: any, moment: Moment) => Next} Handler
 */

/** When `tick` is due, at the latest; null while nothing is awaited. @param {Link} link */
export const deadlineMs = (link) => link.dueMs;

/**
 * The link after an event, and what to do. An event that means nothing in this phase changes nothing.
 * @param {Link} link
 * @param {Event} event
 * @param {Moment} moment
 * @returns {Next}
 */
export function step(link, event, moment) {
  if ("dial" in event && event.dial !== link.dial) return [link, []];
  const handler = TABLE[link.phase][event.type];
  if (handler === undefined) return [link, []];
  const [handled, effects] = handler(link, event, moment);
  const [watched, more] = watchTape(handled, moment);
  const [next, sent] = send(watched);
  return [next, [...effects, ...more, ...sent]];
}

// --- what the person and the microphone do

/** @type {Handler} */
function record(link, event, moment) {
  link = { ...link, intent: "recording", finishedAtMs: null };
  // Whoever is welcome already displaces nobody, nor may the redial after it.
  return link.phase === "live" ? [link, []] : takingOver(link, moment);
}

/** @type {Handler} */
function pause(link, event, moment) {
  if (link.intent !== "recording") return [link, []];
  link = endOverflow(link, moment);
  return [{ ...link, intent: "paused", delivery: link.delivery.paused() }, []];
}

/** @type {Handler} */
function finish(link, event, moment) {
  link = { ...endOverflow(link, moment), intent: "finished" };
  if (link.phase === "resting") {
    // A session that was never dialled exists nowhere.
    return link.dial > 0 ? connect(link, moment) : [{ ...link, phase: "done" }, []];
  }
  return [link, []];
}

/** @type {Handler} */
const continueHere = (link, event, moment) => takingOver(link, moment);

/** @type {Handler} */
const signedIn = (link, event, moment) => connect(link, moment);

/**
 * A person asks for a connection: nothing is waited for, and one that was finished is dialled anew.
 * @param {Link} link
 * @param {Moment} moment
 * @returns {Next}
 */
function takingOver(link, moment) {
  link = { ...link, takeoverUntilMs: moment.nowMs + TAKEOVER_MS };
  if (["resting", "waiting", "stopped", "done"].includes(link.phase)) return connect(link, moment);
  return reopened(link, moment);
}

/**
 * After `finish` nothing more may be sent on a connection; the next `hello` reopens the session.
 * @param {Link} link
 * @param {Moment} moment
 * @returns {Next}
 */
function reopened(link, moment) {
  if (link.phase !== "finishing" && link.phase !== "finished") return [link, []];
  const [next, effects] = connect(link, moment);
  return [next, [{ type: "hangUp" }, ...effects]];
}

/** @param {Link} link @param {import("./events.js").Captured} event @param {Moment} moment @returns {Next} */
function captured(link, event, moment) {
  if (event.until === link.delivery.capturedUntil) return [link, []];
  return moreCame({ ...link, delivery: link.delivery.captured(event.until) }, moment);
}

/** @param {Link} link @param {import("./events.js").Missed} event @param {Moment} moment @returns {Next} */
function missed(link, event, moment) {
  return moreCame({ ...link, delivery: link.delivery.missed(event.cause, event.wallMs) }, moment);
}

/**
 * There is something new to deliver, whatever was thought to be over.
 * @param {Link} link
 * @param {Moment} moment
 * @returns {Next}
 */
function moreCame(link, moment) {
  if (link.phase === "resting" || link.phase === "done") return connect(link, moment);
  return reopened({ ...link, finishedAtMs: null }, moment);
}

/** @param {Link} link @param {Moment} moment @returns {Next} */
function watchTape(link, moment) {
  const room = link.tapeSamplesMax - (link.delivery.capturedUntil - link.delivery.keptFrom);
  const recording = link.intent === "recording";
  if (link.fullSinceMs === null && recording && room < TAPE_RESERVE) {
    return [{ ...link, fullSinceMs: moment.nowMs }, [{ type: "stopCapture" }]];
  }
  if (link.fullSinceMs !== null && recording && room >= TAPE_ROOM_AGAIN) {
    return [endOverflow(link, moment), [{ type: "resumeCapture" }]];
  }
  return [link, []];
}

/** What was not captured while the tape was full becomes one gap. @param {Link} link @param {Moment} moment @returns {Link} */
function endOverflow(link, moment) {
  if (link.fullSinceMs === null) return link;
  const missedMs = moment.nowMs - link.fullSinceMs;
  return { ...link, fullSinceMs: null, delivery: link.delivery.missed("tape_overflow", missedMs) };
}

// --- what the server says

/** @param {Link} link @param {import("./events.js").Came} event @param {Moment} moment @returns {Next} */
function greeted(link, { message }, moment) {
  switch (message.type) {
    case "welcome":
      link = welcomed(link, message, moment);
      return [link, [{ type: "forget", covered: link.delivery.covered }, { type: "show", message }]];
    case "bye":
      return [{ ...link, bye: message }, [{ type: "show", message }]];
    default:
      return [link, []];
  }
}

/** @param {Link} link @param {import("./messages.js").Welcome} welcome @param {Moment} moment @returns {Link} */
const welcomed = (link, welcome, moment) => ({
  ...link,
  phase: "live",
  dueMs: moment.nowMs + SILENCE_MS_MAX,
  // Covered grew without our hearing of it: the connections before this one got somewhere after all.
  tries: welcome.send_from > link.delivery.covered ? 0 : link.tries,
  delivery: link.delivery.welcomed(welcome),
  logId: welcome.log_id,
  // Another log: what was read of the old one says nothing about this one.
  cursors: link.logId === welcome.log_id ? link.cursors : { entries: 0, polished: 0 },
  takeoverUntilMs: 0,
  welcomedAtMs: moment.nowMs,
  coveredAtWelcome: welcome.send_from,
});

/** @param {Link} link @param {import("./events.js").Came} event @param {Moment} moment @returns {Next} */
function came(link, { message }, moment) {
  link = { ...link, dueMs: moment.nowMs + SILENCE_MS_MAX };
  switch (message.type) {
    case "ack":
      return acked(link, message, moment);
    case "ping":
      return [link, [{ type: "sendMessage", message: pong(link, message.echo) }]];
    case "ticket":
      return [withTicket(link, message.token, message.expires_in_ms, moment), []];
    case "entry":
    case "polished":
      return followed(link, message, moment);
    case "finished":
      link = { ...link, phase: "finished", finishedAtMs: moment.nowMs };
      break;
    case "bye":
      link = { ...link, bye: message };
      break;
    case "welcome":
      return [link, []];
  }
  return [link, [{ type: "show", message }]];
}

/** @param {Link} link @param {number} echo @returns {import("./messages.js").Pong} */
function pong({ delivery }, echo) {
  const queued = Math.max(0, delivery.capturedUntil - delivery.sentUntil);
  return { type: "pong", echo, captured_until: delivery.capturedUntil, queued };
}

/** @param {Link} link @param {import("./messages.js").Ack} ack @param {Moment} moment @returns {Next} */
function acked(link, ack, moment) {
  if (!link.delivery.agrees(ack)) return giveUp(link, moment);
  const keptFrom = link.delivery.keptFrom;
  link = { ...link, delivery: link.delivery.acked(ack) };
  /** @type {Effect[]} */
  const forget = link.delivery.keptFrom > keptFrom ? [{ type: "forget", covered: ack.covered }] : [];
  return [link, [...forget, { type: "show", message: ack }]];
}

/**
 * A record of one of the logs; index 0 begins the log anew, and a record left out is asked for by dialling anew.
 * @param {Link} link
 * @param {import("./messages.js").EntrySent | import("./messages.js").PolishedSent} record
 * @param {Moment} moment
 * @returns {Next}
 */
function followed(link, record, moment) {
  const { entries, polished } = link.cursors;
  let place = record.type === "entry" ? entries : polished;
  if (record.index > place) return giveUp(link, moment);
  if (record.index === 0 || record.index === place) place = record.index + 1;
  const cursors = record.type === "entry" ? { entries: place, polished } : { entries, polished: place };
  return [{ ...link, cursors }, [{ type: "show", message: record }]];
}

/** @type {Handler} */
const flushed = (link) => [{ ...link, delivery: link.delivery.flushed() }, []];

/** All that may be sent on a welcomed connection; `finish` once there is nothing else. @param {Link} link @returns {Next} */
function send(link) {
  if (link.phase !== "live") return [link, []];
  const [delivery, sends] = link.delivery.nextSends();
  /** @type {Effect[]} */
  const effects = [...sends];
  link = { ...link, delivery };
  if (link.intent === "finished" && delivery.isSent) {
    link = { ...link, phase: "finishing" };
    effects.push({ type: "sendMessage", message: { type: "finish", until: delivery.sentUntil } });
  }
  return [link, effects];
}

/** @typedef {Partial<Record<Event["type"], Handler>>} Row */

/** @type {Row} */
const ALWAYS = {
  recordPressed: record,
  pausePressed: pause,
  finishPressed: finish,
  captured,
  missed,
  ticketed,
};
/** @type {Row} */
const TIMED = { ...ALWAYS, tick, checkNow: check };
/** @type {Row} */
const OPEN = { ...TIMED, closed };
/** @type {Row} */
const WELCOMED = { ...OPEN, came, flushed };

/**
 * What means something when; anything else is an event that came too late, and changes nothing.
 * @type {Record<Phase, Row>}
 */
export const TABLE = {
  resting: ALWAYS,
  waiting: TIMED,
  asking: { ...TIMED, ticketRefused },
  dialling: { ...OPEN, opened },
  greeting: { ...OPEN, came: greeted },
  live: WELCOMED,
  finishing: WELCOMED,
  finished: WELCOMED,
  stopped: { ...ALWAYS, continueHere, signedIn },
  done: ALWAYS,
};
