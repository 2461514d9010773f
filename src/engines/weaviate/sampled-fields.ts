/**
 * The fields of a set that filters can use, from a sample: ordered by uuid, which is a hash, pictures are effectively
 * shuffled.
 */
import { FieldCounts, fieldBounds, type GalleryFields } from '../../gallery/fields.js'
import { readStored } from '../../gallery/stored-json.js'
import { nextTurn } from '../../turns.js'
import type { ImageCollection } from './image-collection.js'

const batch = 500

export async function sampledFields(collection: Pick<ImageCollection, 'all'>): Promise<GalleryFields> {
  const counts = new FieldCounts()
  let [examined, length] = [0, 0]
  for await (const found of collection.all({ limit: batch, properties: ['label', 'metadata'] })) {
    for (const { properties } of found) {
      const { label = null, metadata = '{}' } = properties
      if (examined === fieldBounds.images || length >= fieldBounds.length) return counts.result()
      counts.add({ label, metadata: readStored(metadata) ?? {} })
      examined++
      length += metadata.length
    }
    await nextTurn()
  }
  return counts.result()
}
