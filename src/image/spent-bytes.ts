/** Gives memory back as soon as nothing needs it, long before the garbage collector would come to it. */

/**
 * A query leaves a third of a megabyte of pixels behind. V8 collects the whole heap after every 64 MiB of such memory,
 * and for 40 ms that takes the cores of the searches meanwhile.
 * @param bytes the last part of their buffer that was needed; their length is 0 afterwards
 */
export function discard({ buffer, byteLength }: Uint8Array): void {
  // what lies in a pool is a part of it
  const isOwn = buffer.byteLength > 0 && (byteLength === buffer.byteLength || buffer.byteLength > Buffer.poolSize)
  if (buffer instanceof ArrayBuffer && isOwn) buffer.transfer(0)
}
