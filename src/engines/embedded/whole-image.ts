/** Everything stored about a picture, read from one snapshot. */
import { AlikeError } from '../../errors.js'
import type { WholeImage } from '../../gallery/records.js'
import type { StoreTables } from './store/reading/store-reads.js'

/** @param set its number @returns undefined if there is none @throws AlikeError `image_damaged` */
export function wholeImage(
  { images, contents, descriptors }: Pick<StoreTables, 'images' | 'contents' | 'descriptors'>,
  set: number,
  id: string,
): WholeImage | undefined {
  const found = images.stored(set, id)
  if (found === undefined) return undefined
  const { record, slot } = found
  if (record.unreadable !== undefined) throw new AlikeError('image_damaged')
  const vector = contents.vector(set, id)
  if (vector === undefined) throw new AlikeError('image_damaged')
  const thumbnail = contents.thumbnail(set, id)?.bytes
  const { width, height, format } = record
  const copyDescriptor = descriptors.find(set, slot)
  return { record, vector, width, height, format, copyDescriptor, ...(thumbnail !== undefined && { thumbnail }) }
}
