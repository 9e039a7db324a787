/**
 * What a reader should know of a polished text, from its flags, in a clinician's words. Pure; says the same as
 * `services/ingest/remarks.py`.
 */

/** The text stands in for a better one, which comes by itself. */
export const UPGRADE_DUE = "upgrade_due";

/** `VENDOR_changed_KIND`: the polished text said something else, so the guard kept the one before it. */
const CHANGED = /_changed_(.+)$/;

/** @type {ReadonlyMap<string, string>} */
const KINDS = new Map([
  ["number", "a number"],
  ["unit", "a unit"],
  ["negation", "a negation"],
  ["side", "a side"],
  ["name", "a name"],
  ["words", "the wording"],
  ["order", "what belongs to what"],
]);

/** A kind that only a newer service knows. */
const SOMETHING = "something that matters";

/** @type {[flag: string, sentence: string][]} */
const AS_SAID = [
  ["number_as_said", "A number is left in words: it can be read in more than one way."],
  ["unknown_macro", "A macro is left as spoken: this session has none of that name."],
];

/** Empty where there is nothing a person should look at. @param {readonly string[]} flags */
export function remarkOn(flags) {
  const changed = flags.map((flag) => CHANGED.exec(flag)?.[1]).filter((kind) => kind !== undefined);
  const kinds = [...new Set(changed.map((kind) => KINDS.get(kind) ?? SOMETHING))];
  const kept = kinds.length > 0 ? [`Kept as dictated: the polished text changed ${listed(kinds)}.`] : [];
  return [...kept, ...AS_SAID.filter(([flag]) => flags.includes(flag)).map(([, sentence]) => sentence)].join(" ");
}

/** "a", "a and b", "a, b and c". @param {string[]} names */
const listed = (names) => [names.slice(0, -1).join(", "), ...names.slice(-1)].filter(Boolean).join(" and ");
