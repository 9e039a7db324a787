/** The HTTP addresses of the service that the page asks: sessions, their logs and labels, tickets. */

const ANSWER_MS_MAX = 10_000;

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {string} label
 * @property {"recording" | "interrupted" | "finishing" | "finished"} state
 * @property {number} created_at_ms
 * @property {number} covered_ms
 * @property {number} undelivered_ms
 * @property {number} takes
 *
 * @typedef {{ log_id: string, entries: object[], polished: object[] }} LogPage
 * @typedef {{ token: string, expires_in_ms: number }} Ticket
 */

/** What the service refused; `status` 0 if it was not reached. Its message is a sentence for the person. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Newest first; after the first page, those created before. @param {number} [before] */
export async function listSessions(before) {
  const answer = await ask("GET", before === undefined ? "/v1/sessions" : `/v1/sessions?before=${before}`);
  return /** @type {{ sessions: Session[] }} */ (await answer.json()).sessions;
}

/** @param {string} session @param {number} entries @param {number} polished the next indexes wanted */
export async function readLog(session, entries, polished) {
  const answer = await ask("GET", `${at(session)}/log?entries=${entries}&polished=${polished}`);
  return /** @type {Promise<LogPage>} */ (answer.json());
}

/** @param {string} session */
export async function askTicket(session) {
  return /** @type {Promise<Ticket>} */ ((await ask("POST", `${at(session)}/tickets`)).json());
}

/**
 * Arrives even if the page is closed meanwhile.
 * @param {string} session
 * @param {string} label never part of an address
 */
export const putLabel = (session, label) => ask("PUT", `${at(session)}/label`, { label }, { keepalive: true });

/** One that nobody records into. @param {string} session */
export const finishSession = (session) => ask("POST", `${at(session)}/finish`);

/** @param {string} session */
export const deleteSession = (session) => ask("DELETE", at(session));

/** @param {string} session */
const at = (session) => `/v1/sessions/${session}`;

/**
 * @param {string} method
 * @param {string} address
 * @param {object} [body]
 * @param {RequestInit} [more]
 */
async function ask(method, address, body, more) {
  const answer = await fetch(address, {
    ...more,
    method,
    cache: "no-store",
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
    ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  }).catch(() => {
    throw new Refusal(0, "The service cannot be reached.");
  });
  if (!answer.ok) throw new Refusal(answer.status, await sentence(answer));
  return answer;
}

/** @param {Response} answer */
async function sentence(answer) {
  const said = await answer.json().catch(() => ({})); // a proxy in between answers in HTML
  return typeof said.message === "string" ? said.message : `The service answered ${answer.status}.`;
}
