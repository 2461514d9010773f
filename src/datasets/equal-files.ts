/** Pictures with the same bytes are copies of each other, whatever their names. */
import { stat } from 'node:fs/promises'
import { countBy } from './counts.js'
import { bytesHashOf } from './image-bytes.js'
import type { LabelledImage } from './labelled-image.js'

/**
 * The pictures in their order; one that is alone in its group joins that of an equal file. Only files of the same length
 * are read. A file that cannot be read equals none.
 */
export async function withEqualFilesGrouped(images: readonly LabelledImage[]): Promise<LabelledImage[]> {
  const members = countBy(images.map(({ group }) => group))
  const isAlone = ({ group }: LabelledImage) => members.get(group) === 1
  const contents = await contentsOf(images)
  const groupOf = new Map<string, string>()
  // a group that the data states is joined, not left
  for (const [i, image] of images.entries()) if (!isAlone(image)) groupOf.set(contents[i]!, image.group)
  return images.map((image, i) => {
    if (!isAlone(image)) return image
    const group = groupOf.get(contents[i]!) ?? image.group
    groupOf.set(contents[i]!, group)
    return { ...image, group }
  })
}

/** A text for each picture; equal for equal files. */
async function contentsOf(images: readonly LabelledImage[]): Promise<string[]> {
  const lengths: number[] = []
  for (const image of images) lengths.push(await lengthOf(image))
  const files = countBy(lengths)
  const contents: string[] = []
  for (const [i, image] of images.entries())
    contents.push(
      files.get(lengths[i]!)! > 1 ? ((await bytesHashOf(image)) ?? `unreadable ${image.id}`) : `alone ${image.id}`,
    )
  return contents
}

/** NaN if it is unknown. */
async function lengthOf({ source }: LabelledImage): Promise<number> {
  if ('bytes' in source) return source.bytes.byteLength
  return stat(source.path).then(
    ({ size }) => size,
    () => NaN,
  )
}
