/** Splits many files into uploads small enough to repeat after a broken connection. Pure. */

interface Sized {
  file: { size: number }
}

const filesMax = 500
const bytesMax = 64 * 1024 * 1024

/** In order; a file above the limit gets its own batch. */
export function batchesOf<One extends Sized>(files: readonly One[]): One[][] {
  const batches: One[][] = []
  let bytes = Infinity
  for (const one of files) {
    if (bytes + one.file.size > bytesMax || batches.at(-1)!.length >= filesMax) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)!.push(one)
    bytes += one.file.size
  }
  return batches
}
