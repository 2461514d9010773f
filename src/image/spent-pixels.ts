/** Gives the memory of pixels back as soon as nothing needs them, long before the garbage collector would come to it. */

/** Smaller ones may be part of a pool, and matter little. */
const smallestBytes = 2 ** 16

/**
 * A query leaves a third of a megabyte of pixels behind. V8 collects the whole heap after every 64 MiB of such memory,
 * and that takes the cores of a few searches for 40 ms.
 * @param pixels not to be used any more: their length is 0 afterwards. A part of a larger buffer is left alone.
 */
export function discardPixels(pixels: Uint8Array): void {
  const { buffer } = pixels
  if (buffer instanceof ArrayBuffer && buffer.byteLength === pixels.byteLength && buffer.byteLength >= smallestBytes)
    buffer.transfer(0)
}
