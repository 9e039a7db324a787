/** Samples and seconds as people read them. Pure. */

import { SAMPLES_PER_SECOND } from "./chunks.js";

/** A place in a recording: 0:07, 12:34, 1:02:03. @param {number} samples */
export function clockTime(samples) {
  const seconds = Math.floor(samples / SAMPLES_PER_SECOND);
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = `${String(seconds % 60).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** How long: "7 s", "3 min", "3 min 20 s", "1 h 5 min". Never "0 s": what is left counts. @param {number} seconds */
export function spell(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes >= 60) return join(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
  return join(`${minutes} min`, whole % 60, "s");
}

/** @param {string} first @param {number} rest @param {string} unit */
const join = (first, rest, unit) => (rest > 0 ? `${first} ${rest} ${unit}` : first);

/** On the person's clock: "10:32". @param {number} unixMs */
export const timeOfDay = (unixMs) => new Date(unixMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** "25 Nov, 10:32", in the person's own order. @param {number} unixMs */
export const dayAndTime = (unixMs) =>
  new Date(unixMs).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
