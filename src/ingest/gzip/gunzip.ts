/**
 * Unpacks gzip (RFC 1952) member by member, in libuv's threads: data after the last member does not affect what came
 * before.
 */
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib'
import { ByteReader } from '../byte-reader.js'

/** As many as 64 GB files packed in blocks have; each costs a round trip to the decoder. */
const membersMax = 1_000_000
/** Bytes unpacked per call. */
const pieceBytes = 128 * 1024
const magic = Buffer.from([0x1f, 0x8b])
const deflate = 8
const flagged = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 }

/**
 * Unpacks only as much as is consumed. Another member may follow; anything else after the last one is skipped, as
 * gunzip does.
 * @param onTrailing called if that is more than zeros, which pad files on tapes
 * @throws Error if it is not gzip, is truncated or damaged; what `packed` throws
 */
export async function* gunzip(packed: AsyncIterable<Uint8Array>, onTrailing: () => void): AsyncGenerator<Buffer> {
  const reader = new ByteReader(packed)
  try {
    for (let members = 0; ; members++) {
      const first = await reader.take(magic.length)
      if (!first.equals(magic)) {
        if (members === 0) throw new Error('not gzip')
        if (await holdsMore(first, reader)) onTrailing()
        return
      }
      if (members === membersMax) throw new Error('it is of too many members')
      await passHeader(reader)
      yield* unpackedMember(reader)
    }
  } finally {
    await reader.close()
  }
}

/** Reads to the end. */
async function holdsMore(first: Buffer, reader: ByteReader): Promise<boolean> {
  let holds = false
  for (let chunk: Buffer | undefined = first; chunk !== undefined; chunk = await reader.next(Infinity))
    holds ||= chunk.some((byte) => byte !== 0)
  return holds
}

async function passHeader(reader: ByteReader): Promise<void> {
  const [method, flags = 0] = await exactly(reader, 8) // time and two hints follow
  if (method !== deflate || (flags & flagged.reserved) !== 0) throw new Error('not packed as gzip is')
  if (flags & flagged.extra) await exactly(reader, (await exactly(reader, 2)).readUInt16LE())
  if (flags & flagged.name) await passText(reader)
  if (flags & flagged.comment) await passText(reader)
  if (flags & flagged.headerChecksum) await exactly(reader, 2)
}

/** Zero-terminated. */
async function passText(reader: ByteReader): Promise<void> {
  for (;;) {
    const chunk = await reader.next(Infinity)
    if (chunk === undefined) throw endInTheMiddle()
    const end = chunk.indexOf(0)
    if (end >= 0) return reader.unread(chunk.subarray(end + 1))
  }
}

async function* unpackedMember(reader: ByteReader): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw({ chunkSize: pieceBytes })
  const feeding = feed(inflate, reader)
  feeding.catch((error: Error) => inflate.destroy(error))
  let [checksum, bytes] = [0, 0]
  try {
    for await (const piece of inflate as AsyncIterable<Buffer>) {
      checksum = crc32(piece, checksum)
      bytes += piece.length
      yield piece
    }
    await feeding
  } finally {
    inflate.destroy()
  }
  const trailer = await exactly(reader, 8)
  if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== bytes % 2 ** 32)
    throw new Error('a member does not have its checksum')
}

/** Chunk by chunk: the decoder only reports, for a chunk it has taken, how much of it belongs to the member. */
async function feed(inflate: InflateRaw, reader: ByteReader): Promise<void> {
  for (;;) {
    const chunk = await reader.next(Infinity)
    if (chunk === undefined) {
      inflate.push(null) // its output so far is still delivered; the missing rest shows at the trailer
      return
    }
    const before = inflate.bytesWritten
    await new Promise<void>((resolve, reject) => inflate.write(chunk, (error) => (error ? reject(error) : resolve())))
    const used = inflate.bytesWritten - before
    if (used < chunk.length) return reader.unread(chunk.subarray(used))
  }
}

async function exactly(reader: ByteReader, bytes: number): Promise<Buffer> {
  const taken = await reader.take(bytes)
  if (taken.length < bytes) throw endInTheMiddle()
  return taken
}

function endInTheMiddle(): Error {
  return new Error('unexpected end of file')
}
