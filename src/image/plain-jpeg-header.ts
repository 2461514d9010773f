/**
 * Reads the header of an ordinary JPEG: asking the decoder costs up to a tenth of decoding a small picture. Anything
 * unusual is left to the decoder.
 */

/** As reported by sharp. */
export interface PlainHeader {
  /** Pixels. */
  width: number
  height: number
  channels: 1 | 3
  chromaSubsampling: '4:4:4' | '4:2:0'
  isProgressive: boolean
  depth: 'uchar'
  orientation?: undefined
  autoOrient: { width: number; height: number }
}

/** ITU-T T.81, table B.1. */
const marker = {
  baseline: 0xc0,
  progressive: 0xc2,
  huffmanTable: 0xc4,
  startOfImage: 0xd8,
  quantizationTable: 0xdb,
  restartInterval: 0xdd,
  app0: 0xe0,
  app1: 0xe1,
  app15: 0xef,
  comment: 0xfe,
} as const
const beforeFrame: ReadonlySet<number> = new Set([
  marker.huffmanTable,
  marker.quantizationTable,
  marker.restartInterval,
  marker.comment,
])

/**
 * @returns undefined if it needs rotation, does not have one or three 8-bit channels, or is unusual in any other way
 */
export function plainJpegHeader(file: Buffer): PlainHeader | undefined {
  let at = 2
  while (at + 20 <= file.length && file[at] === 0xff) {
    const code = file[at + 1]!
    const length = file.readUInt16BE(at + 2)
    if (code === marker.baseline || code === marker.progressive)
      return frameOf(file.subarray(at + 4, at + 2 + length), code)
    const isApp = code >= marker.app0 && code <= marker.app15
    // may contain an orientation
    const isExif = code === marker.app1 && file.toString('latin1', at + 4, at + 8).toLowerCase() === 'exif'
    if (isExif || !(isApp || beforeFrame.has(code)) || length < 2) return undefined
    at += 2 + length
  }
  return undefined
}

function frameOf(frame: Buffer, code: number): PlainHeader | undefined {
  const channels = frame[5]
  if (frame.length < 6 || frame[0] !== 8 || (channels !== 1 && channels !== 3) || frame.length !== 6 + 3 * channels)
    return undefined
  const [height, width] = [frame.readUInt16BE(1), frame.readUInt16BE(3)]
  const sampling = Array.from({ length: channels }, (_, i) => frame[7 + 3 * i]!).join()
  const chromaSubsampling =
    sampling === '34,17,17' ? '4:2:0' : sampling === '17,17,17' || channels === 1 ? '4:4:4' : undefined
  if (width === 0 || height === 0 || chromaSubsampling === undefined) return undefined
  return {
    width,
    height,
    channels,
    chromaSubsampling,
    isProgressive: code === marker.progressive,
    depth: 'uchar',
    autoOrient: { width, height },
  }
}
