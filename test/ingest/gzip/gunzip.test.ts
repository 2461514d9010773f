/** Gzip files of various tools and in damaged form, compared with the packed bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { gunzip } from '../../../src/ingest/gzip/gunzip.js'

const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => ((i * 2_654_435_761) >>> 13) & 255))
const flat = Buffer.alloc(3_000_000, 7)
const text = Buffer.from('the text that somebody has appended')

async function unpack(bytes: Buffer, chunkBytes: number) {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  let trailing = false
  const out: Buffer[] = []
  let failure: unknown
  try {
    const onTrailing = () => {
      trailing = true
    }
    for await (const piece of gunzip(chunks(), onTrailing)) out.push(piece)
  } catch (error) {
    failure = error
  }
  return { content: Buffer.concat(out), trailing, failure: failure as Error | undefined }
}

/** With a header that has every optional part. */
function dressed(content: Buffer): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content), 0)
  trailer.writeUInt32LE(content.length, 4)
  const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3])
  const [extra, name, comment, sum] = [Buffer.from('\x05\x00extra'), 'a.tar\0', 'no comment\0', '\x01\x02']
  return Buffer.concat([
    header,
    extra,
    ...[name, comment, sum].map((part) => Buffer.from(part)),
    deflateRawSync(content),
    trailer,
  ])
}

const rows: [name: string, stream: Buffer, content: Buffer, trailing: boolean][] = [
  ['one member', gzipSync(noise), noise, false],
  [
    'members one after the other',
    Buffer.concat([gzipSync(noise), gzipSync(flat), gzipSync(noise)]),
    Buffer.concat([noise, flat, noise]),
    false,
  ],
  ['a header with a name, a comment and more', dressed(noise), noise, false],
  ['an empty member', Buffer.concat([gzipSync(Buffer.alloc(0)), gzipSync(flat)]), flat, false],
  ['zeros behind it', Buffer.concat([gzipSync(noise), Buffer.alloc(10_000)]), noise, false],
  ['a text behind it', Buffer.concat([gzipSync(flat), text]), flat, true],
  ['one byte behind it', Buffer.concat([gzipSync(flat), Buffer.from([0x1f])]), flat, true],
  ['zeros and then a text behind it', Buffer.concat([gzipSync(flat), Buffer.alloc(600), text]), flat, true],
  ['600 kB behind it', Buffer.concat([gzipSync(noise), noise, noise]), noise, true],
]

for (const [name, stream, content, trailing] of rows) {
  test(`${name}: returns the packed bytes`, async () => {
    for (const chunkBytes of [stream.length, 65_536, 1_009, ...(stream.length < 20_000 ? [1] : [])]) {
      const unpacked = await unpack(stream, chunkBytes)
      assert.ifError(unpacked.failure)
      assert.ok(unpacked.content.equals(content), `in chunks of ${chunkBytes}`)
      assert.equal(unpacked.trailing, trailing)
    }
  })
}

test('a damaged or truncated member is an error, after its preceding data has been delivered', async () => {
  const second = gzipSync(noise)
  const changed = Buffer.from(second)
  changed[changed.length - 6]! ^= 1
  const broken: [name: string, stream: Buffer, reason: RegExp][] = [
    ['cut in its data', second.subarray(0, -2_000), /unexpected end of file/],
    ['cut in its trailer', second.subarray(0, -3), /unexpected end of file/],
    ['cut in its header', second.subarray(0, 5), /unexpected end of file/],
    ['with another checksum', changed, /checksum/],
    ['no deflate', Buffer.concat([second.subarray(0, 10), Buffer.alloc(500, 0xff)]), /invalid/],
    ['packed in another way', Buffer.concat([Buffer.from([0x1f, 0x8b, 9]), second]), /not packed as gzip/],
  ]
  for (const [name, stream, reason] of broken) {
    const { content, failure } = await unpack(Buffer.concat([gzipSync(flat), stream]), 65_536)
    assert.match(failure?.message ?? '', reason, name)
    assert.ok(content.subarray(0, flat.length).equals(flat), name)
  }
  for (const stream of [Buffer.alloc(0), text, Buffer.from([0x1f])])
    assert.match((await unpack(stream, 10)).failure?.message ?? '', /not gzip/)
})
