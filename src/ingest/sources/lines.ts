/** A source with one item per line of a file: NDJSON lines, addresses, or locations listed for the job. */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { boundedLines, LineCount } from '../lines.js'
import type { Source, SourceItem } from '../source.js'

export interface LineSourceOptions {
  lineMaxBytes: number
  /**
   * @param line undefined if it exceeds the maximum length
   * @param index of the item
   * @param number of the line: blank ones, which are no items, count
   */
  itemOf(line: Buffer | undefined, index: number, number: number): SourceItem
  /** Also calls `itemOf` for lines before the first requested item, which may matter to later ones. Default false. */
  readsAll?: boolean | undefined
}

/** @throws what the file system throws; reading it, also what `itemOf` throws */
export async function openLines(
  file: string,
  { lineMaxBytes, itemOf, readsAll = false }: LineSourceOptions,
): Promise<Source> {
  const { size } = await stat(file)
  // opened here, because nobody listens yet for the error of a stream that cannot open it
  const reader = (await open(file)).createReadStream({ highWaterMark: 256 * 1024 })
  return {
    get share() {
      return size === 0 ? 1 : reader.bytesRead / size
    },
    async *items(from) {
      let index = 0
      for await (const { line, number } of boundedLines(reader as AsyncIterable<Buffer>, lineMaxBytes)) {
        if (readsAll || index >= from) {
          const item = itemOf(line, index, number)
          if (index >= from) yield item
        }
        index += 1
      }
    },
    close: async () => void reader.destroy(),
  }
}

/** The number of items that `openLines` will yield. */
export async function countLines(file: string): Promise<number> {
  const lines = new LineCount()
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>)
    lines.add(chunk)
  return lines.count
}
