/** Valid and hostile Zstandard streams, compared with the packed bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, type ZstdOptions, zstdCompressSync } from 'node:zlib'
import { FrameCutter } from '../../../src/ingest/zstd/frame-ends.js'
import { unzstd } from '../../../src/ingest/zstd/unzstd.js'
import { zstdOf } from '../../support/archives.js'
import { longestTurn } from '../../support/event-loop.js'
import { processorMs } from '../../support/processor-time.js'

const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => ((i * 2_654_435_761) >>> 13) & 255))
const flat = Buffer.alloc(3_000_000, 7)
const packed = (content: Buffer, params: ZstdOptions['params'] = {}) => zstdCompressSync(content, { params })
const checksummed = packed(noise, { [constants.ZSTD_c_checksumFlag]: 1 })
const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from('hello')])

async function unpack(bytes: Buffer, chunkBytes: number): Promise<Buffer> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const out: Buffer[] = []
  for await (const piece of unzstd(chunks())) out.push(piece)
  return Buffer.concat(out)
}

const whole: Record<string, [stream: Buffer, content: Buffer]> = {
  'one frame': [packed(noise), noise],
  'frames one after the other': [
    Buffer.concat([packed(noise), packed(flat), checksummed]),
    Buffer.concat([noise, flat, noise]),
  ],
  'frames to be passed over': [
    Buffer.concat([skippable, packed(flat), skippable, checksummed, skippable]),
    Buffer.concat([flat, noise]),
  ],
  'blocks that are not packed': [zstdOf(noise), noise],
  'an empty frame': [Buffer.concat([packed(Buffer.alloc(0)), packed(flat)]), flat],
  'the largest window': [packed(flat, { [constants.ZSTD_c_windowLog]: 27 }), flat],
}

for (const [name, [stream, content]] of Object.entries(whole)) {
  test(`${name}: returns the packed bytes`, async () => {
    for (const chunkBytes of [stream.length, 65_536, 1_009, ...(stream.length < 20_000 ? [1] : [])])
      assert.ok((await unpack(stream, chunkBytes)).equals(content), `in chunks of ${chunkBytes}`)
  })
}

const damaged = Buffer.from(checksummed)
damaged[damaged.length - 1]! ^= 1
const dictionary = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 0x01, 0x00, 0x00])
const broken: Record<string, [stream: Buffer, reason: RegExp]> = {
  'a frame that is cut': [packed(noise).subarray(0, -20), /unexpected end of file/],
  'a second frame that is cut in its magic': [
    Buffer.concat([packed(noise), packed(flat).subarray(0, 3)]),
    /unexpected end/,
  ],
  'something behind the last frame': [
    Buffer.concat([packed(noise), Buffer.from('something')]),
    /not a Zstandard frame/,
  ],
  'no Zstandard': [Buffer.from('no Zstandard at all'), /not a Zstandard frame/],
  nothing: [Buffer.alloc(0), /unexpected end of file/],
  'a wrong checksum': [damaged, /checksum/],
  'a window of 256 MiB': [zstdOf(noise, 0x90), /too much memory/],
  'a dictionary that is not there': [dictionary, /Dictionary/],
}

for (const [name, [stream, reason]] of Object.entries(broken)) {
  test(`${name} is damage`, async () => {
    for (const chunkBytes of [65_536, 1_009]) await assert.rejects(unpack(stream, chunkBytes), reason)
  })
}

test('data before damage is delivered', async () => {
  let bytes = 0
  const cutOff = Buffer.concat([packed(noise), packed(flat), Buffer.from('something')])
  await assert.rejects(async () => {
    for await (const piece of unzstd([cutOff])) bytes += piece.length
  }, /not a Zstandard frame/)
  assert.equal(bytes, noise.length + flat.length)
})

test('endless frames are not followed forever', () => {
  const cutter = new FrameCutter(3)
  const frame = packed(Buffer.from('x'))
  assert.deepEqual([...cutter.cut(Buffer.concat([frame, frame]))], [frame, frame])
  assert.throws(() => [...cutter.cut(frame)], /too many frames/)
})

test('empty blocks do not block others', async () => {
  const block = Buffer.from([0, 0, 0])
  const stream = Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58]),
    ...Array.from({ length: 500_000 }, () => block),
  ])
  let wholeMs = 0
  const { result, longestMs } = await longestTurn(async () => {
    wholeMs = await processorMs(() => assert.rejects(unpack(stream, stream.length), /unexpected end/))
  })
  assert.equal(result.status, 'fulfilled')
  assert.ok(longestMs < wholeMs / 4, `others waited for ${longestMs} of ${wholeMs} ms`)
})

test('a reader that leaves midway ends the input', async () => {
  let hasEnded = false
  async function* endless() {
    try {
      for (;;) yield packed(noise)
    } finally {
      hasEnded = true
    }
  }
  for await (const piece of unzstd(endless())) if (piece.length > 0) break
  for (let waited = 0; !hasEnded && waited < 1_000; waited++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(hasEnded)
})
