/** Gives memory back as soon as nothing needs it, long before the garbage collector would come to it. */

/**
 * A query leaves a third of a megabyte of pixels behind. V8 collects the whole heap after every 64 MiB of such memory,
 * and for 40 ms that takes the cores of the searches meanwhile.
 * @param bytes the last part of their buffer that was needed; their length is 0 afterwards
 */
export function discard({ buffer }: Uint8Array): void {
  // smaller ones are parts of a pool
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0)
}
