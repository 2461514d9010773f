/** Calls that the thread which unpacks Zstandard answers, one at a time. */

export type ZstdCalls = {
  /** Unpacks until enough has come out; `rest: true` asks to be called again with `undefined` before there is new input. */
  unpack: { request: Uint8Array | undefined; reply: { output: Uint8Array<ArrayBuffer>; rest: boolean } }
  /** What is left. Throws when the stream ends in the middle. */
  finish: { request: undefined; reply: { output: Uint8Array<ArrayBuffer> } }
}
