/** Reads the header of each format that is decoded as a whole, without its decoder. */
import { AlikeError } from '../../errors.js'
import { bmpHeader } from './bmp.js'
import { heicHeader } from './heic.js'
import { jxlHeader } from './jxl.js'
import { Undecodable, type WholeFormat, type WholeHeader } from './whole-picture.js'

const headers: Readonly<Record<WholeFormat, (file: Buffer) => WholeHeader>> = {
  bmp: bmpHeader,
  heic: heicHeader,
  jxl: jxlHeader,
}

/** @throws AlikeError `image_unreadable` */
export function wholeHeader(format: WholeFormat, file: Buffer): WholeHeader {
  try {
    const { width, height, pixels } = headers[format](file)
    if (!(width > 0 && height > 0 && Number.isSafeInteger(width * height))) throw new Undecodable('It has no pixels.')
    return { width, height, pixels }
  } catch (error) {
    if (error instanceof Undecodable) throw new AlikeError('image_unreadable', { detail: error.message })
    if (error instanceof RangeError)
      throw new AlikeError('image_unreadable', { detail: 'It ends before its header does.', cause: error })
    throw error
  }
}
