import assert from "node:assert/strict";
import { test } from "node:test";

import { ENTRIES_MAX, Transcript, outlookOf } from "../../../../../services/ingest/recorder/transcript.js";

/** @typedef {import("../../../../../services/ingest/recorder/transcript.js").Entry} Entry */

const SECOND = 16_000;

/** @param {number} index @param {string} text @param {Partial<Entry>} more one second each, unless said otherwise */
const said = (index, text, more = {}) =>
  ({ index, take: 1, start: index * SECOND, until: (index + 1) * SECOND, text, utterance_end: false, ...more });

/** @param {number} index @param {string} cause @param {number} start @param {number} until */
const gap = (index, cause, start, until, wall_ms = 0) =>
  ({ index, take: 1, start: start * SECOND, until: until * SECOND, cause, wall_ms });

/** @param {Entry[]} entries */
function transcript(...entries) {
  const made = new Transcript();
  for (const entry of entries) made.entry(entry);
  return made;
}

/** @param {Transcript} transcript */
const read = (transcript) => transcript.paragraphs().map(({ kind, text }) => `${kind}: ${text}`);

/** @param {Transcript} transcript */
const hinted = (transcript) => transcript.hint?.text;

test("segments of an utterance are one paragraph; the next utterance is another", () => {
  const shown = transcript(said(0, "Chest clear."), said(1, " No murmur. ", { utterance_end: true }), said(2, "Plan:"));
  assert.deepEqual(read(shown), ["words: Chest clear. No murmur.", "words: Plan:"]);
});

test("two seconds of silence part paragraphs, a little less does not", () => {
  const near = said(1, "b", { start: 3 * SECOND - 1, until: 4 * SECOND });
  const far = said(2, "c", { start: 6 * SECOND, until: 7 * SECOND });
  assert.deepEqual(read(transcript(said(0, "a"), near, far)), ["words: a b", "words: c"]);
});

test("a gap is shown where it happened, with its cause", () => {
  const shown = transcript(said(0, "before"), gap(1, "unrecognised", 1, 15), said(2, "after", { start: 15 * SECOND }));
  assert.deepEqual(read(shown), ["words: before", "gap: Gap 0:01–0:15: speech that was not recognised", "words: after"]);
});

test("every cause is a sentence; one that a newer server knows is still shown", () => {
  const causes = ["abandoned", "lost_after_ack", "tape_overflow", "device_lost", "suspended", "sunspots"];
  const shown = read(transcript(...causes.map((cause, index) => gap(index, cause, 61, 61, 200_000))));
  assert.match(shown[2] ?? "", /at 1:01: not recorded for 3 min 20 s/);
  assert.match(shown[5] ?? "", /sunspots/);
  assert.equal(new Set(shown).size, causes.length);
});

test("takes are read one after another, however the log holds them", () => {
  const shown = transcript(
    said(0, "one"),
    said(1, "two", { take: 2, start: 0, until: SECOND }),
    said(2, "one again", { start: SECOND, until: 2 * SECOND }),
  );
  assert.deepEqual(read(shown), ["take: Recording 1", "words: one one again", "take: Recording 2", "words: two"]);
});

test("polished text stands for its entries, and the later one wins", () => {
  const shown = transcript(said(0, "bp one twenty"), said(1, "over eighty", { utterance_end: true }), said(2, "next"));
  shown.polish({ index: 0, first: 0, last: 1, text: "BP 120/80." });
  shown.polish({ index: 1, first: 0, last: 1, text: "Blood pressure 120/80." });
  assert.deepEqual(read(shown), ["words: Blood pressure 120/80.", "words: next"]);
  assert.deepEqual(shown.paragraphs().map(({ polished }) => polished), [true, false]);
});

test("polished text that came before all its entries waits for them", () => {
  const shown = transcript(said(0, "a"));
  shown.polish({ index: 0, first: 0, last: 1, text: "A b." });
  assert.deepEqual(read(shown), ["words: a"]);
  shown.entry(said(1, "b"));
  assert.deepEqual(read(shown), ["words: A b."]);
});

test("a gap inside polished entries stays visible", () => {
  const shown = transcript(said(0, "a"), gap(1, "device_lost", 1, 1, 9_000), gap(2, "suspended", 1, 1, 9_000));
  shown.polish({ index: 0, first: 0, last: 1, text: "A." });
  shown.polish({ index: 1, first: 2, last: 2, text: "" });
  assert.deepEqual(shown.paragraphs().map(({ kind }) => kind), ["words", "gap", "gap"]);
});

test("a text that the guard kept has a remark under it, until a later text needs none", () => {
  const shown = transcript(said(0, "ramipril five"), gap(1, "device_lost", 1, 1, 9_000));
  shown.polish({ index: 0, first: 0, last: 1, text: "Ramipril 5.", flags: ["gemini_changed_number"] });
  const remark = "remark: Kept as dictated: the polished text changed a number.";
  assert.deepEqual(read(shown).slice(0, 2), ["words: Ramipril 5.", remark]);
  assert.equal(shown.paragraphs()[2]?.kind, "gap");
  assert.doesNotMatch(shown.note, /Kept/);
  shown.polish({ index: 1, first: 0, last: 1, text: "Ramipril five." });
  assert.deepEqual(shown.paragraphs().map(({ kind }) => kind), ["words", "gap"]);
});

test("that texts are to be refined is said once, for all of them, as long as one of them is", () => {
  const shown = transcript(...[0, 1].map((n) => said(n, "a", { utterance_end: true })));
  const flags = ["upgrade_due", "gemini_deadline"];
  for (const n of [0, 1]) shown.polish({ index: n, first: n, last: n, text: "A.", flags });
  assert.deepEqual(read(shown), ["words: A.", "words: A."]);
  shown.polish({ index: 2, first: 0, last: 0, text: "A!" });
  assert.match(outlookOf(shown.paragraphs()), /refined later/);
  shown.polish({ index: 3, first: 1, last: 1, text: "A!" });
  assert.equal(outlookOf(shown.paragraphs()), "");
});

test("an entry that comes again changes nothing", () => {
  const shown = transcript(said(0, "a"), said(1, "b"), said(1, "b"));
  assert.deepEqual(read(shown), ["words: a b"]);
  assert.equal(shown.nextEntry, 2);
});

test("a log that begins again replaces what is shown", () => {
  const shown = transcript(said(0, "old"), said(1, "words"));
  shown.polish({ index: 0, first: 0, last: 1, text: "Old words." });
  shown.entry(said(0, "restored"));
  assert.deepEqual(read(shown), ["words: restored"]);
  assert.deepEqual([shown.nextEntry, shown.nextPolished], [1, 0]);
});

test("a polished log that begins again replaces its own text only", () => {
  const shown = transcript(said(0, "a", { utterance_end: true }), said(1, "b", { utterance_end: true }));
  shown.polish({ index: 0, first: 0, last: 0, text: "A." });
  shown.polish({ index: 1, first: 1, last: 1, text: "B." });
  shown.polish({ index: 0, first: 0, last: 0, text: "Aa." });
  assert.deepEqual(read(shown), ["words: Aa.", "words: b"]);
});

test("a hint is shown until the words it announced are there", () => {
  const shown = transcript();
  shown.hear({ take: 1, start: 0, until: SECOND / 2, text: "ches" });
  assert.equal(hinted(shown), "ches");
  shown.entry(said(0, "chest"));
  assert.equal(hinted(shown), undefined);
  shown.hear({ take: 1, start: 0, until: SECOND / 2, text: "late" });
  assert.equal(hinted(shown), undefined);
  shown.hear({ take: 1, start: SECOND, until: 2 * SECOND, text: "clear" });
  assert.equal(hinted(shown), "clear");
  shown.hear(null);
  assert.equal(hinted(shown), undefined);
});

test("a paragraph keeps its key while it grows, so that the screen changes only where words change", () => {
  const shown = transcript(said(0, "a", { utterance_end: true }), said(1, "b"));
  const before = shown.paragraphs();
  shown.entry(said(2, "c"));
  const after = shown.paragraphs();
  assert.deepEqual(after[0], before[0]);
  assert.equal(after[1]?.key, before[1]?.key);
  assert.equal(new Set(after.map(({ key }) => key)).size, after.length);
  assert.equal(shown.paragraphs(), after);
});

test("the note for other programs holds words and gaps, and no hint", () => {
  const shown = transcript(said(0, "before"), gap(1, "abandoned", 1, 15));
  shown.hear({ take: 1, start: 15 * SECOND, until: 16 * SECOND, text: "interim" });
  assert.equal(shown.note, "before\n\n[Gap 0:01–0:15: recorded, but never delivered]");
});

test("beyond its bound the oldest is let go of, and that is said", () => {
  const shown = new Transcript();
  for (let n = 0; n < ENTRIES_MAX + 3; n++) shown.entry(said(n, `${n}`, { take: n < 2 ? 1 : 2, utterance_end: true }));
  const paragraphs = shown.paragraphs();
  assert.equal(paragraphs.length, ENTRIES_MAX + 1);
  assert.deepEqual(paragraphs.slice(0, 2).map(({ kind, text }) => [kind, text.slice(0, 13)]), [
    ["forgotten", "The beginning"],
    ["words", "3"],
  ]);
});
