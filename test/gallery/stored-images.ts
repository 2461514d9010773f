/** Pictures to store in a gallery, without files. */
import { createHash } from 'node:crypto'
import type { NewImage } from '../../src/gallery/records.js'

export const model = { id: '00000000000000aa', dimension: 32 }

export function newImage(id: string, vector: Float32Array, more: Partial<NewImage> = {}): NewImage {
  return {
    id,
    label: null,
    metadata: {},
    contentHash: createHash('sha256').update(id).digest('hex'),
    modelId: model.id,
    vector,
    width: 640,
    height: 480,
    format: 'jpeg',
    bytes: 12_345,
    thumbnail: Buffer.from(`thumbnail of ${id}`),
    ...more,
  }
}
