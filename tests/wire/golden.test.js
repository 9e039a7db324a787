import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { newLink } from "../../services/ingest/recorder/link-state.js";
import { step } from "../../services/ingest/recorder/link.js";

const GOLDEN = fileURLToPath(new URL("golden.json", import.meta.url));

/**
 * @typedef {Record<string, any>} Json
 * @typedef {import("../../services/ingest/recorder/link-state.js").Link} Link
 */

/** @type {Json[]} */
const stories = JSON.parse(readFileSync(process.env.STORIES ?? GOLDEN, "utf8"));

/** As JSON holds it, without what never changes. @param {Link} link */
const told = ({ session, takeId, config, ...link }) => JSON.parse(JSON.stringify(link));

for (const story of stories) {
  test(story.name, () => {
    let link = newLink(story.session, story.takeId, story.config, story.start.tapeSamplesMax);
    let expected = story.start;
    assert.deepEqual(told(link), expected);
    for (const each of story.steps) [link, expected] = lived(link, each, expected);
    for (const each of story.branches) lived(link, each, expected);
  });
}

/** @param {Link} link @param {Json} written @param {Json} before @returns {[Link, Json]} */
function lived(link, written, before) {
  const [next, effects] = step(link, written.event, written.moment);
  const { changed } = written;
  const expected = { ...before, ...changed, delivery: { ...before.delivery, ...changed.delivery } };
  assert.deepEqual(JSON.parse(JSON.stringify(effects)), written.effects, JSON.stringify(written.event));
  assert.deepEqual(told(next), expected, JSON.stringify(written.event));
  return [next, expected];
}
