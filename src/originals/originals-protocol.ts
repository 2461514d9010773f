/** Calls to the thread that writes originals. */

export type OriginalsCalls = {
  /** See `putFile`. */
  put: { request: { path: string; bytes: Uint8Array }; reply: void }
}
