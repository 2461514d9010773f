/**
 * Wraps pixels and their profile in an uncompressed TIFF, the only form in which sharp accepts both; after that they
 * are handled like any other picture.
 */

const samples = 4

interface Entry {
  tag: number
  /** 3: 16 bits, 4: 32 bits, 7: bytes. */
  type: 3 | 4 | 7
  count: number
  value: number
}

/** A TIFF made by `plainTiff`, and where its pixels begin. */
export interface PlainTiff {
  file: Buffer<ArrayBuffer>
  /** RGBA, 8 bits, top row first; to be filled in. */
  pixels: Uint8Array<ArrayBuffer>
}

export function plainTiff(width: number, height: number, profile: Buffer | undefined): PlainTiff {
  const entryCount = profile === undefined ? 11 : 12
  const directoryAt = 8
  const depthsAt = directoryAt + 2 + entryCount * 12 + 4
  const profileAt = depthsAt + samples * 2
  const pixelsAt = Math.ceil((profileAt + (profile?.length ?? 0)) / 8) * 8
  const bytes = width * height * samples
  const file = Buffer.from(new ArrayBuffer(pixelsAt + bytes))
  file.write('II*\0', 'latin1')
  file.writeUInt32LE(directoryAt, 4)
  const entries: Entry[] = [
    { tag: 256, type: 4, count: 1, value: width },
    { tag: 257, type: 4, count: 1, value: height },
    { tag: 258, type: 3, count: samples, value: depthsAt },
    { tag: 259, type: 3, count: 1, value: 1 }, // not compressed
    { tag: 262, type: 3, count: 1, value: 2 }, // RGB
    { tag: 273, type: 4, count: 1, value: pixelsAt },
    { tag: 277, type: 3, count: 1, value: samples },
    { tag: 278, type: 4, count: 1, value: height },
    { tag: 279, type: 4, count: 1, value: bytes },
    { tag: 284, type: 3, count: 1, value: 1 }, // interleaved samples
    { tag: 338, type: 3, count: 1, value: 2 }, // the fourth is unassociated alpha
    ...(profile === undefined ? [] : [{ tag: 34675, type: 7, count: profile.length, value: profileAt } as const]),
  ]
  file.writeUInt16LE(entries.length, directoryAt)
  for (const [i, { tag, type, count, value }] of entries.entries()) {
    const at = directoryAt + 2 + i * 12
    file.writeUInt16LE(tag, at)
    file.writeUInt16LE(type, at + 2)
    file.writeUInt32LE(count, at + 4)
    file.writeUInt32LE(value, at + 8) // little-endian: a short occupies the first two bytes
  }
  for (let i = 0; i < samples; i++) file.writeUInt16LE(8, depthsAt + i * 2)
  profile?.copy(file, profileAt)
  return { file, pixels: new Uint8Array(file.buffer, file.byteOffset + pixelsAt, bytes) }
}
