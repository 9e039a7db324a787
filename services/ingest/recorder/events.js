/**
 * What happens to a recorder, and what its link wants done: the types of what goes into `link.js` and comes out. Pure;
 * the twin of `client/events.py`.
 *
 * `nowMs` is monotonic, for deadlines; `wallMs` unix time, for dials only; `random` is drawn evenly from [0, 1) for each
 * event.
 * @typedef {{ nowMs: number, wallMs: number, random: number }} Moment
 *
 * Events of a socket carry the number of the dial it was opened for.
 * - `finishPressed`: capture is over; everything captured has been said before
 * - `continueHere`: the person wants this recorder to have the session
 * - `captured`: the tape holds everything before `until`
 * - `missed`: nothing was captured for a while, at the end of what was
 * - `ticketRefused`: `status` is HTTP's; 0 when there was no answer
 * - `flushed`: the socket has passed on everything it was given
 * - `closed`: also a socket that could not be opened; the code is 1006 where no close frame came
 * - `checkNow`: something says that the network may have changed, or that time has passed unseen
 * @typedef {{ type: "recordPressed" } | { type: "pausePressed" } | { type: "finishPressed" }} Pressed
 * @typedef {{ type: "continueHere" } | { type: "signedIn" }} Decided
 * @typedef {{ type: "captured", until: number }} Captured
 * @typedef {{ type: "missed", cause: GapCause, wallMs: number }} Missed
 * @typedef {{ type: "ticketed", token: string, expiresInMs: number }} Ticketed
 * @typedef {{ type: "ticketRefused", status: number, message: string }} TicketRefused
 * @typedef {{ type: "opened", dial: number }} Opened
 * @typedef {{ type: "came", dial: number, message: ServerMessage }} Came
 * @typedef {{ type: "flushed", dial: number }} Flushed
 * @typedef {{ type: "closed", dial: number, code: number }} Closed
 * @typedef {{ type: "checkNow" } | { type: "tick" }} Timed
 * @typedef {Pressed | Decided | Captured | Missed | Ticketed | TicketRefused | Opened | Came | Flushed | Closed | Timed} Event
 *
 * - `dial`: open a socket; its events carry this number; the one before is gone
 * - `hangUp`: close the present socket; what it still says is not heard
 * - `forget`: the tape before this sample is stored by the server
 * - `show`: a server's message, for the transcript and the lamps
 * - `stopCapture`: the tape is full
 * @typedef {{ type: "dial", dial: number } | { type: "hangUp" } | { type: "askTicket" }} Connecting
 * @typedef {{ type: "forget", covered: number } | { type: "show", message: ServerMessage }} Telling
 * @typedef {{ type: "stopCapture" } | { type: "resumeCapture" }} Capturing
 * @typedef {Connecting | import("./delivery.js").Sending | Telling | Capturing} Effect
 *
 * @typedef {import("./messages.js").GapCause} GapCause
 * @typedef {import("./messages.js").ServerMessage} ServerMessage
 */

export {};
