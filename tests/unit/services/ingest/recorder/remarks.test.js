import assert from "node:assert/strict";
import { test } from "node:test";

import { remarkOn } from "../../../../../services/ingest/recorder/remarks.js";

const KEPT = "Kept as dictated: the polished text changed";

/** @type {[string[], string][]} */
const REMARKS = [
  [["gemini_changed_number"], `${KEPT} a number.`],
  [["gemini_changed_unit", "gemini_changed_negation"], `${KEPT} a unit and a negation.`],
  [["gemini_changed_number", "gemini_changed_side", "gemini_changed_name"], `${KEPT} a number, a side and a name.`],
  [["gemini_changed_weather"], `${KEPT} something that matters.`],
  [["gemini_changed_toString", "another_changed_weather"], `${KEPT} something that matters.`],
  [
    ["unknown_macro", "number_as_said", "gemini_changed_unit"],
    `${KEPT} a unit. A number is left in words: it can be read in more than one way.` +
      " A macro is left as spoken: this session has none of that name.",
  ],
];

for (const [flags, says] of REMARKS) test(flags.join(", "), () => assert.equal(remarkOn(flags), says));

test("what a person can do nothing about has no remark", () => {
  assert.equal(remarkOn([]), "");
  assert.equal(remarkOn(["upgrade_due", "gemini_deadline", "gemini_blocked", "sunshine", "_changed_"]), "");
});
