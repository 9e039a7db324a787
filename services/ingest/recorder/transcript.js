/**
 * Stage 13 of 13. The transcript: log records in, paragraphs in reading order out. Pure.
 *
 * People read by (take, start); the log comes in commit order. Within a take both are the same, so each take keeps its
 * entries as they came. Polished text stands for its entries; the entries stay, because they are what was said.
 */

import { SAMPLES_PER_SECOND } from "./chunks.js";
import { UPGRADE_DUE, remarkOn } from "./remarks.js";
import { clockTime, spell } from "./times.js";

/**
 * Two days of speech, some ten megabytes. Beyond it the page lets go of the oldest and says so; the service has all.
 */
export const ENTRIES_MAX = 40_000;

/** Silence between two segments that parts paragraphs, as it parts utterances. */
const HOLE_SAMPLES = 2 * SAMPLES_PER_SECOND;

/**
 * @typedef {object} Entry a segment has `text`, a gap has `cause`
 * @property {number} index
 * @property {number} take
 * @property {number} start
 * @property {number} until
 * @property {string} [text]
 * @property {boolean} [utterance_end]
 * @property {string} [cause]
 * @property {number} [wall_ms]
 *
 * @typedef {{ index: number, first: number, last: number, text: string, flags?: string[] }} Polished
 * @typedef {{ take: number, start: number, until: number, text: string }} Hint
 *
 * - `take`: where another recording begins; `words`; `remark`: about the words before it; `gap`; `forgotten`: stands for
 *   what this page let go of
 * - `due`: a better text for it will come
 * @typedef {"take" | "words" | "remark" | "gap" | "forgotten"} Kind
 * @typedef {{ key: string, kind: Kind, text: string, polished: boolean, due: boolean }} Paragraph
 */

export class Transcript {
  constructor() {
    /** @type {Map<number, Entry[]>} those of each take, in log order */
    this.takes = new Map();
    /** @type {Map<number, Polished>} by the index of their first entry */
    this.polished = new Map();
    /** @type {Hint | null} */
    this.hint = null;
    /** The next index wanted of each log. */
    this.nextEntry = 0;
    this.nextPolished = 0;
    /** How many of the oldest entries this page let go of. */
    this.forgotten = 0;
    /** @type {string | null} */
    this.logId = null;
    /** @type {Paragraph[] | null} what was read last, as long as it is true */
    this.read = null;
  }

  /** Words of another log are not in this one. @param {string} logId */
  follow(logId) {
    if (logId !== this.logId) this.startOver();
    this.logId = logId;
  }

  startOver() {
    Object.assign(this, new Transcript(), { logId: this.logId });
  }

  /**
   * A log that begins again was restored: what is shown may not be in it.
   * @param {Entry} entry
   */
  entry(entry) {
    if (entry.index === 0 && this.nextEntry > 0) this.startOver();
    if (entry.index !== this.nextEntry) return;
    this.nextEntry++;
    this.read = null;
    const entries = this.takes.get(entry.take) ?? [];
    this.takes.set(entry.take, entries);
    entries.push(entry);
    if (this.hint?.take === entry.take && this.hint.start < entry.until) this.hint = null;
    if (this.nextEntry - this.forgotten > ENTRIES_MAX) this.#forgetOldest();
  }

  /** For the same entries the later text wins. @param {Polished} polished */
  polish(polished) {
    if (polished.index === 0) this.polished.clear();
    this.nextPolished = polished.index + 1;
    this.read = null;
    this.polished.set(polished.first, polished);
  }

  /** @param {Hint | null} hint */
  hear(hint) {
    const last = hint && this.takes.get(hint.take)?.at(-1);
    this.hint = hint?.text && !(last && last.until >= hint.until && last.until > hint.start) ? hint : null;
  }

  /** The same list as long as nothing changed. @returns {Paragraph[]} */
  paragraphs() {
    this.read ??= this.#readAll();
    return this.read;
  }

  #readAll() {
    /** @type {Paragraph[]} */
    const read = [];
    if (this.forgotten > 0) read.push(paragraph("forgotten", "forgotten", FORGOTTEN));
    const numbers = [...this.takes.keys()].sort((left, right) => left - right);
    for (const number of numbers) {
      if (numbers.length > 1) read.push(paragraph(`take-${number}`, "take", `Recording ${number}`));
      read.push(...this.#readTake(/** @type {Entry[]} */ (this.takes.get(number))));
    }
    return read;
  }

  /** The note as one text, for other programs. Remarks are for who reads here: in a record they would be read as said. */
  get note() {
    return this.paragraphs()
      .filter(({ kind }) => kind !== "remark")
      .map(({ kind, text }) => (kind === "words" ? text : `[${text}]`))
      .join("\n\n");
  }

  /** @param {Entry[]} entries */
  #readTake(entries) {
    /** @type {Paragraph[]} */
    const read = [];
    /** @type {Entry[]} */
    let open = [];
    const close = () => {
      if (open.length > 0) read.push(spoken(open));
      open = [];
    };
    for (let n = 0; n < entries.length; n++) {
      const entry = /** @type {Entry} */ (entries[n]);
      const polished = this.#polishedAt(entry.index);
      if (polished) {
        close();
        let last = n;
        while ((entries[last + 1]?.index ?? Infinity) <= polished.last) last++;
        read.push(...polishedOver(polished, entries.slice(n, last + 1)));
        n = last;
        continue;
      }
      if (entry.cause !== undefined || beginsAnew(open, entry)) close();
      if (entry.cause !== undefined) read.push(gap(entry));
      else open.push(entry);
    }
    close();
    return read;
  }

  /** Only once all it stands for is here: a part must not seem to be the whole. @param {number} index */
  #polishedAt(index) {
    const polished = this.polished.get(index);
    return polished && polished.last < this.nextEntry ? polished : undefined;
  }

  #forgetOldest() {
    for (const [take, entries] of this.takes) {
      if (entries[0]?.index !== this.forgotten) continue;
      this.polished.delete(this.forgotten);
      entries.shift();
      if (entries.length === 0) this.takes.delete(take);
      break;
    }
    this.forgotten++;
  }
}

/** Said once, however many texts wait: nobody has to do anything. @param {Paragraph[]} paragraphs */
export const outlookOf = (paragraphs) =>
  paragraphs.some(({ due }) => due) ? "Some of this text will be refined later, by itself." : "";

const FORGOTTEN = "The beginning is no longer shown on this page. The export has all of it.";

/** @type {Record<string, (entry: Entry) => string>} */
const GAPS = {
  abandoned: (entry) => `${span(entry)}: recorded, but never delivered`,
  unrecognised: (entry) => `${span(entry)}: speech that was not recognised`,
  lost_after_ack: (entry) => `${span(entry)}: text that the service lost`,
  tape_overflow: (entry) => `at ${at(entry)}: not recorded for ${missed(entry)}, this device had no room left`,
  device_lost: (entry) => `at ${at(entry)}: not recorded for ${missed(entry)}, the microphone was gone`,
  suspended: (entry) => `at ${at(entry)}: not recorded for ${missed(entry)}, this device was asleep`,
};

/** @param {Entry} entry */
const span = (entry) => `${clockTime(entry.start)}–${clockTime(entry.until)}`;
/** @param {Entry} entry */
const at = (entry) => clockTime(entry.start);
/** @param {Entry} entry */
const missed = (entry) => spell((entry.wall_ms ?? 0) / 1_000);

/** @param {string} key @param {Paragraph["kind"]} kind @param {string} text @returns {Paragraph} */
const paragraph = (key, kind, text) => ({ key, kind, text, polished: false, due: false });

/** @param {Entry} entry */
function gap(entry) {
  const says = GAPS[entry.cause ?? ""] ?? ((other) => `${span(other)}: ${other.cause}`);
  return paragraph(`${entry.index}`, "gap", `Gap ${says(entry)}`);
}

/** @param {Entry[]} entries at least one */
function spoken(entries) {
  const text = entries.map((entry) => entry.text?.trim()).filter(Boolean).join(" ");
  return paragraph(`${entries[0]?.index}`, "words", text);
}

/** @param {Polished} polished @param {Entry[]} entries */
function polishedOver(polished, entries) {
  const gaps = entries.filter((entry) => entry.cause !== undefined);
  const hasWords = gaps.length < entries.length;
  const words = hasWords ? wordsOf(polished) : [];
  // A gap ends its utterance, so this is where it happened.
  return [...words, ...gaps.map(gap)];
}

/** @param {Polished} polished @returns {Paragraph[]} */
function wordsOf({ first, text, flags = [] }) {
  const due = flags.includes(UPGRADE_DUE);
  const words = { ...paragraph(`${first}`, "words", text.trim()), polished: true, due };
  const remark = remarkOn(flags);
  return remark ? [words, paragraph(`${first}`, "remark", remark)] : [words];
}

/** @param {Entry[]} open @param {Entry} entry */
function beginsAnew(open, entry) {
  const last = open.at(-1);
  return last !== undefined && (last.utterance_end === true || entry.start - last.until >= HOLE_SAMPLES);
}
