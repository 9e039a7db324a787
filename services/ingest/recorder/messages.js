/** Control messages of `steno.v1` as JSON text, and their types. Pure; `shared/wire/messages.py` says what each holds. */

export const VERSION = 1;
export const PROTOCOL = "steno.v1";

/**
 * What a recorder may say it missed.
 * @typedef {"tape_overflow" | "device_lost" | "suspended" | "lost_after_ack"} GapCause
 * @typedef {{ entries: number, polished: number }} Cursors the next indexes wanted
 * @typedef {{ language?: string, vocabulary?: string[], macros?: Record<string, string>, style?: string }} Config
 *
 * @typedef {object} Hello
 * @property {"hello"} type
 * @property {number} version
 * @property {string} session
 * @property {string} ticket
 * @property {string} take_id
 * @property {number} dial
 * @property {boolean} takeover
 * @property {number} captured_until
 * @property {number} gap_no
 * @property {boolean} recording
 * @property {string | null} log_id
 * @property {Cursors} cursors
 * @property {Config | null} config
 *
 * @typedef {{ type: "gap", gap_no: number, cause: GapCause, start: number, until: number, wall_ms: number }} GapSent
 * @typedef {{ type: "pause", at: number }} Pause
 * @typedef {{ type: "finish", until: number }} Finish
 * @typedef {{ type: "pong", echo: number, captured_until: number, queued: number }} Pong
 * @typedef {Hello | GapSent | Pause | Finish | Pong} ClientMessage
 *
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {number} take
 * @property {number} send_from
 * @property {number} send_until
 * @property {number} gaps_through
 * @property {string} log_id
 *
 * @typedef {{ type: "ticket", token: string, expires_in_ms: number }} Ticket
 * @typedef {{ type: "entry" } & import("./transcript.js").Entry} EntrySent
 * @typedef {{ type: "polished" } & import("./transcript.js").Polished} PolishedSent
 * @typedef {{ type: "hint" } & import("./transcript.js").Hint} HintSent
 * @typedef {{ type: "ack", received: number, covered: number, send_until: number, gaps_through: number }} Ack
 * @typedef {{ type: "draft", state: "saved" | "pending" | "failed", through: number, saved_at_ms?: number }} Draft
 * @typedef {"degraded" | "failing_over" | "catching_up" | "moving" | "storage"} NoticeKind
 * @typedef {{ type: "notice", kind: NoticeKind, text: string, safe: boolean }} Notice
 * @typedef {{ type: "ping", echo: number }} Ping
 * @typedef {{ type: "finished", covered: number }} Finished
 *
 * @typedef {object} Bye
 * @property {"bye"} type
 * @property {number} code
 * @property {string} reason
 * @property {boolean} retry
 * @property {number} [retry_after_ms]
 * @property {number} [dial]
 * @property {number} [take]
 * @property {number} [since_ms]
 *
 * @typedef {Welcome | Ticket | EntrySent | PolishedSent | HintSent | Ack | Draft | Notice | Ping | Finished | Bye} ServerMessage
 */

/** What each message must hold before anything is done with it. @type {Record<string, Record<string, string>>} */
const FIELDS = {
  welcome: { take: "number", send_from: "number", send_until: "number", gaps_through: "number", log_id: "string" },
  ticket: { token: "string", expires_in_ms: "number" },
  entry: { index: "number", take: "number", start: "number", until: "number" },
  polished: { index: "number", first: "number", last: "number", text: "string" },
  hint: { take: "number", start: "number", until: "number", text: "string" },
  ack: { received: "number", covered: "number", send_until: "number", gaps_through: "number" },
  draft: { state: "string", through: "number" },
  notice: { kind: "string", text: "string", safe: "boolean" },
  ping: { echo: "number" },
  finished: { covered: "number" },
  bye: { code: "number", reason: "string", retry: "boolean" },
};

/**
 * A server's message; null for one of a type this page does not know; undefined for one that is malformed.
 * @param {unknown} data
 * @returns {ServerMessage | null | undefined}
 */
export function decodeServerMessage(data) {
  const message = parsed(data);
  if (typeof message !== "object" || message === null || typeof message.type !== "string") return undefined;
  const fields = Object.hasOwn(FIELDS, message.type) ? FIELDS[message.type] : undefined;
  if (!fields) return null;
  const whole = Object.entries(fields).every(([name, type]) => typeof message[name] === type);
  return whole ? message : undefined;
}

/** @param {unknown} data @returns {any} */
function parsed(data) {
  try {
    return JSON.parse(/** @type {string} */ (data));
  } catch {
    return undefined;
  }
}
