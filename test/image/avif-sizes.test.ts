/** Boxes that state more than they contain: reading them must cost no more than their bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openImage } from '../../src/image/decoder.js'
import { processorMs } from '../support/processor-time.js'

const box = (type: string, ...content: Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(content)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + bytes.length)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, bytes])
}
const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]))
const plain = Buffer.alloc(4) // version and flags

/** The boxes of a HEIC of 8 × 8 pixels whose only item is a grid. */
const gridFile = (...more: Buffer[]): Buffer => {
  const entry = box('infe', Buffer.of(2, 0, 0, 0), words(1, 0), Buffer.from('grid\0'))
  const size = box('ispe', plain, words(0, 8, 0, 8))
  return Buffer.concat([
    box('ftyp', Buffer.from('heic\0\0\0\0heic')),
    box(
      'meta',
      plain,
      box('pitm', plain, words(1)),
      box('iinf', plain, words(1), entry),
      box('iprp', box('ipco', size), box('ipma', plain, words(0, 1, 1), Buffer.of(1, 1))),
      ...more,
    ),
  ])
}
const pixelsOf = async (file: Buffer) => (await openImage(file, 1_000_000)).facts.pixels

test('a grid is as large as it says, wherever its extent is', async () => {
  const grid = Buffer.concat([Buffer.of(0, 0, 0, 0), words(300, 200)])
  // version 1: items 7 and 1, each with an index, offset and length of four bytes per extent, the first with two extents
  const located = Buffer.concat([
    Buffer.of(1, 0, 0, 0, 0x44, 0x04),
    words(2),
    words(7, 0, 0, 2, 0, 0, 0, 9, 0, 9, 0, 0, 0, 9, 0, 9),
    words(1, 1, 0, 1, 0, 0, 0, 0, 0, 8),
  ])
  assert.equal(await pixelsOf(gridFile(box('iloc', located), box('idat', grid))), 300 * 200 + 8 * 8)
})

test('extents without bytes are not counted one by one', async () => {
  const [items, extents] = [20_000, 65_535]
  const located = Buffer.alloc(8 + 6 * items)
  located.writeUInt16BE(items, 6)
  for (let item = 0; item < items; item++) located.writeUInt16BE(extents, 8 + 6 * item + 4)
  located.writeUInt16BE(1, 8)
  const file = gridFile(box('iloc', located))
  assert.ok((await processorMs(() => pixelsOf(file))) < 1_000)
})

test('a grid per item does not search all boxes for each of them', async () => {
  const count = 60_000
  const boxes = Buffer.concat(Array.from({ length: count }, () => box('free')))
  const entry = box('infe', Buffer.of(2, 0, 0, 0), words(1, 0), Buffer.from('grid'))
  const entries = box('iinf', Buffer.of(1, 0, 0, 0), words(0, count), ...Array.from({ length: count }, () => entry))
  const located = Buffer.concat([Buffer.of(1, 0, 0, 0, 0, 0), words(1), words(1, 1, 0, 1)])
  const file = gridFile(box('iloc', located), boxes, entries, box('idat', Buffer.alloc(8)))
  assert.ok((await processorMs(() => pixelsOf(file))) < 1_000)
})

test('a file that states thousands of sizes, or locates more items than any picture has tiles, is refused', async () => {
  const sizes = Array.from({ length: 2_000 }, (_, i) => box('ispe', plain, words(0, 1, 0, i)))
  const many = Buffer.concat([Buffer.of(2, 0, 0, 0, 0, 0), words(15, 0), Buffer.alloc(1_000)])
  for (const more of [box('iprp', box('ipco', ...sizes)), box('iloc', many)])
    await assert.rejects(pixelsOf(gridFile(more)), { code: 'image_unreadable' })
})
