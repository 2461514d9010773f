/** A PNG encoder, so that golden pictures do not depend on the image library that they check. */
import { crc32, deflateSync } from 'node:zlib'

export interface Raster {
  width: number
  height: number
  /** Grey, RGB or RGBA, 8 bits each. */
  channels: 1 | 3 | 4
  /** [height, width, channels]. */
  pixels: Uint8Array
}

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const colourTypes = { 1: 0, 3: 2, 4: 6 } as const

/** A single data chunk, no filters. */
export function encodePng({ width, height, channels, pixels }: Raster): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, colourTypes[channels], 0, 0, 0], 8)
  const stride = width * channels
  // each row begins with its filter type: 0, none
  const rows = Buffer.alloc(height * (stride + 1))
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}
