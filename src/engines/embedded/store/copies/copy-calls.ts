/**
 * Comparison of descriptors as calls: answered by the copies thread, or by the main thread while it is the only one
 * that can read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { nearCopyScore, queryWords } from '../../../../copies/near-copy-score.js'
import { RunControl } from '../../../../worker-calls/run-control.js'
import { withDatabase } from '../database/database.js'
import type { DescriptorRows, DescriptorTable } from '../images/descriptor-table.js'
import type { CopiesCalls } from './copies-protocol.js'

/** Descriptors scanned before other calls get a turn: some milliseconds. */
const walkedPerTurn = 1_000

export type CopyCalls = {
  [Name in keyof CopiesCalls]: (
    request: CopiesCalls[Name]['request'],
  ) => CopiesCalls[Name]['reply'] | Promise<CopiesCalls[Name]['reply']>
}

/** @param table on an open connection */
export function copyCalls(table: DescriptorTable): CopyCalls {
  return {
    scores({ gallery, query, slots }) {
      const rows = withDatabase(() => table.ofSlots(gallery, slots))
      const words = queryWords(query)
      return Float32Array.from(slots, (_, i) => scoreOf(words, rows, i, 0))
    },
    likeness: ({ gallery, rows, columns, least }) =>
      likenessOf(
        withDatabase(() => table.ofSlots(gallery, columns)),
        rows,
        least,
      ),
    async find({ gallery, query, contentHashes = [], least, control }) {
      const run = new RunControl(control)
      const words = queryWords(query)
      const found = new Set(withDatabase(() => contentHashes.flatMap((hash) => table.slotsOfContent(gallery, hash))))
      for (let fromSlot = 0, more = words.length > 0; more && !run.isStopped; ) {
        const page = withDatabase(() => table.page(gallery, fromSlot, walkedPerTurn))
        page.slots.forEach((slot, i) => {
          if (scoreOf(words, page, i, least) >= least) found.add(slot)
        })
        more = page.slots.length === walkedPerTurn
        fromSlot = (page.slots.at(-1) ?? 0) + 1
        await nextTurn()
      }
      return Uint32Array.from(found).sort()
    },
    undescribed: ({ gallery, fromSlot, limit }) => withDatabase(() => table.undescribed(gallery, fromSlot, limit)),
  }
}

/** NaN if either of the two has no features. */
function scoreOf(
  query: readonly Uint32Array[],
  { words, hasFeatures }: DescriptorRows,
  i: number,
  least: number,
): number {
  if (hasFeatures[i] === 0 || query.length === 0) return Number.NaN
  return query.reduce((best, one) => Math.max(best, nearCopyScore(one, 0, words, i, Math.max(best, least))), 0)
}

function likenessOf({ slots, words, hasFeatures }: DescriptorRows, rows: number, least: number): Float32Array {
  const before = slots.length - rows
  const likeness = new Float32Array(rows * slots.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < before + row; column++) {
      if (hasFeatures[before + row] === 0 || hasFeatures[column] === 0) continue
      const score = nearCopyScore(words, before + row, words, column, least)
      if (score >= least) likeness[row * slots.length + column] = score
    }
  }
  return likeness
}
