/** Reads the encoded bytes of a picture of a data set, wherever they lie. */
import { readFile } from 'node:fs/promises'
import type { LabelledPicture } from './labelled-picture.js'

export async function bytesOf({ source }: Pick<LabelledPicture, 'source'>): Promise<Uint8Array> {
  return 'bytes' in source ? source.bytes : readFile(source.path)
}
