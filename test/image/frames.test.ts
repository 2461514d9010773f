import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader, frameOf } from '../../src/image/frames.js'

const bounds = { headerMaxBytes: 64, bodyMaxBytes: 1_000 }

test('frames round-trip however the stream is split', () => {
  const sent = [
    { header: { call: 1 }, body: [Uint8Array.of(1, 2), Uint8Array.of(3)] },
    { header: { call: 2, name: 'ü' }, body: [] },
    { header: { call: 3 }, body: [new Uint8Array(999).fill(7)] },
  ]
  const stream = Buffer.concat(sent.flatMap(({ header, body }) => frameOf(header, body)))
  for (const step of [1, 2, 7, 64, stream.length]) {
    const read: { header: unknown; body: Buffer }[] = []
    const reader = new FrameReader(bounds, (header, body) => read.push({ header, body }))
    for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step))
    assert.deepEqual(
      read.map(({ header, body }) => ({ header, body: [...body] })),
      sent.map(({ header, body }) => ({ header, body: body.flatMap((part) => [...part]) })),
    )
  }
})

test('a frame beyond the bounds is refused before memory is allocated for it', () => {
  const prefix = (header: number, body: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(header, 0)
    bytes.writeUInt32BE(body, 4)
    return bytes
  }
  for (const [header, body] of [
    [65, 0],
    [0, 0],
    [10, 1_001],
    [0xffff_ffff, 0xffff_ffff],
  ] as const) {
    assert.throws(() => new FrameReader(bounds, () => assert.fail()).push(prefix(header, body)), RangeError)
  }
  assert.throws(
    () => new FrameReader(bounds, () => assert.fail()).push(Buffer.concat([prefix(4, 0), Buffer.from('{"a"')])),
    SyntaxError,
  )
})
