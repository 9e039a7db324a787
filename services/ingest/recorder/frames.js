/** Binary frames of `steno.v1`: a header of twelve bytes, big-endian, then s16le PCM. Pure; see `shared/wire/frames.py`. */

const HEADER_BYTES = 12;
const KIND_PCM = 1;

/**
 * Flags and reserved bits stay 0.
 * @param {number} start position of the first sample in the take
 * @param {Int16Array} pcm little-endian in memory wherever browsers run, as the wire wants it
 */
export function encodeFrame(start, pcm) {
  const frame = new Uint8Array(HEADER_BYTES + pcm.byteLength);
  const header = new DataView(frame.buffer, 0, HEADER_BYTES);
  header.setUint8(0, KIND_PCM);
  header.setBigUint64(4, BigInt(start));
  frame.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), HEADER_BYTES);
  return frame;
}
