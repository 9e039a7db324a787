/** The network in a test's hands. */

/** A socket as the browser gives it, with the network in the test's hands. */
export class Wire {
  constructor() {
    this.readyState = 0;
    this.bufferedAmount = 0;
    this.isClosed = false;
    /** @type {(string | Uint8Array)[]} */
    this.sent = [];
    /** @type {Record<string, any>} */
    this.hears = {};
  }
  /** @param {any} act */
  set onopen(act) {
    this.hears.open = act;
  }
  /** @param {any} act */
  set onmessage(act) {
    this.hears.message = act;
  }
  /** @param {any} act */
  set onclose(act) {
    this.hears.close = act;
  }
  /** @param {string | Uint8Array} data */
  send(data) {
    this.sent.push(data);
  }
  close() {
    this.isClosed = true;
    this.readyState = 2;
  }
  opens() {
    this.readyState = 1;
    this.hears.open({});
  }
  /** @param {object | string} message */
  says(message) {
    this.hears.message({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  /** @param {number} code */
  ends(code = 1006) {
    this.readyState = 3;
    this.hears.close({ code });
  }
  get messages() {
    return this.sent.filter((data) => typeof data === "string").map((data) => JSON.parse(data).type);
  }
  get frames() {
    return this.sent.filter((data) => typeof data !== "string").length;
  }
}

export const WELCOME = { type: "welcome", take: 1, send_from: 0, send_until: 480_000, gaps_through: 0, log_id: "log" };

export const settled = () => new Promise((resolve) => setImmediate(resolve));
