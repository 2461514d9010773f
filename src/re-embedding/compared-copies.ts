/**
 * Compares two sets of one model picture by picture, including all stored data except the copy descriptors, which may
 * be added at any time. A set's checksum is the sum over its pictures, so it does not depend on their order.
 */
import { createHash } from 'node:crypto'
import { hasCode } from '../errors.js'
import type { OpenSet } from '../gallery/engine.js'
import type { WholeImage } from '../gallery/records.js'
import { pagesOf } from './compared-sets.js'
import type { SetMirror } from './set-mirror.js'

/** Count and checksum of a set at the time of the scan. */
export interface SetSum {
  images: number
  /** 32 bytes, hex. */
  checksum: string
}

export interface ComparedCopies {
  serving: SetSum
  copy: SetSum
  /** Ids that differ between the sets, or exist in only one of them, as of the scan. */
  differing: Set<string>
}

/** Pictures held in memory at once with vectors and thumbnails. */
const readAtOnce = 64
const modulus = 1n << 256n
/** Placeholder for a digest. */
const damaged = 'damaged'

/**
 * Pictures written during the comparison may be reported as differing.
 * @param onLooked called for each group of pictures
 * @throws the signal's reason
 */
export async function compareCopies(
  { from, to }: Pick<SetMirror, 'from' | 'to'>,
  { signal, onLooked }: { signal: AbortSignal; onLooked(count: number): void },
): Promise<ComparedCopies> {
  const [serving, copy] = [new Sum(), new Sum()]
  const differing = new Set<string>()
  for await (const page of pagesOf(from, signal))
    for (let begin = 0; begin < page.length; begin += readAtOnce) {
      const ids = page.slice(begin, begin + readAtOnce).map(({ id }) => id)
      const [here, there] = await Promise.all([digestsOf(from, ids), digestsOf(to, ids)])
      for (const digest of here.values()) serving.add(digest)
      for (const digest of there.values()) copy.add(digest)
      for (const id of ids) if (!isSame(id, here, there)) differing.add(id)
      onLooked(ids.length)
      signal.throwIfAborted()
    }
  for await (const page of pagesOf(to, signal)) {
    const ids = page.map(({ id }) => id)
    const here = new Set((await from.find(ids)).map(({ id }) => id))
    const only = ids.filter((id) => !here.has(id))
    for (const digest of (await digestsOf(to, only)).values()) copy.add(digest)
    for (const id of only) differing.add(id)
  }
  return { serving: serving.result(), copy: copy.result(), differing }
}

/** The ids that still differ between the sets. */
export async function stillDiffering(
  { from, to }: Pick<SetMirror, 'from' | 'to'>,
  ids: Iterable<string>,
): Promise<string[]> {
  const all = [...ids]
  const differing: string[] = []
  for (let begin = 0; begin < all.length; begin += readAtOnce) {
    const some = all.slice(begin, begin + readAtOnce)
    const [here, there] = await Promise.all([digestsOf(from, some), digestsOf(to, some)])
    differing.push(...some.filter((id) => !isSame(id, here, there)))
  }
  return differing
}

/** A picture damaged in both sets does not count as equal. */
function isSame(id: string, here: ReadonlyMap<string, string>, there: ReadonlyMap<string, string>): boolean {
  return here.get(id) === there.get(id) && here.get(id) !== damaged
}

/** By id, hex. */
async function digestsOf(set: OpenSet, ids: readonly string[]): Promise<Map<string, string>> {
  try {
    return new Map((await set.whole(ids)).map((image) => [image.record.id, digestOf(image)]))
  } catch (error) {
    if (!hasCode(error, 'image_damaged')) throw error
    if (ids.length === 1) return new Map([[ids[0]!, damaged]])
    const each = await Promise.all(ids.map((id) => digestsOf(set, [id])))
    return new Map(each.flatMap((digests) => [...digests]))
  }
}

function digestOf({ record, vector, thumbnail }: WholeImage): string {
  const { id, label, metadata, contentHash, reference, modelId } = record
  const { width, height, format, bytes, createdAt, updatedAt } = record
  const content = [contentHash, reference ?? null, modelId, width, height, format, bytes]
  const fields = [id, label, metadata, ...content, createdAt, updatedAt]
  return createHash('sha256')
    .update(JSON.stringify(fields))
    .update(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    .update(thumbnail ?? '')
    .digest('hex')
}

class Sum {
  #images = 0
  #sum = 0n

  add(digest: string): void {
    this.#images += 1
    if (digest !== damaged) this.#sum = (this.#sum + BigInt(`0x${digest}`)) % modulus
  }

  result(): SetSum {
    return { images: this.#images, checksum: this.#sum.toString(16).padStart(64, '0') }
  }
}
