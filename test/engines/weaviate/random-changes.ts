/** Changes that store random pictures, and which of these the server's own graph misses. */
import type { TestContext } from 'node:test'
import { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults, type WeaviateSettings } from '../../../src/engines/weaviate/weaviate-settings.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import type { PutStep } from '../../../src/gallery/records.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

export class RandomChanges {
  readonly set: EmbeddingSet
  readonly #vectors = new Map<string, Float32Array>()
  readonly #newVector: () => Float32Array
  readonly #perChange: number

  constructor({ uid, perChange, seed }: { uid: string; perChange: number; seed: number }) {
    this.set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' }
    this.#newVector = unitVectors({ dimension: model.dimension, seed })
    this.#perChange = perChange
  }

  /** New pictures each. */
  stepsOf(round: number): PutStep[] {
    return Array.from({ length: this.#perChange }, (_, i) => {
      const id = `r${round}-${i}`
      this.#vectors.set(id, this.#newVector())
      return { put: newImage(id, this.vectorOf(id)) }
    })
  }

  vectorOf(id: string): Float32Array {
    return this.#vectors.get(id)!
  }

  /** The set's collection, over a connection of its own. */
  collection(t: TestContext, settings: WeaviateSettings): ImageCollection {
    const connection = new WeaviateServer(settings)
    t.after(() => connection.close())
    return new ImageCollection(connection, `Alike_${this.set.uid}`, { layout, tuning: tuningDefaults })
  }

  /** Those of these pictures that the server does not find by their own vectors. */
  async notFound(collection: ImageCollection, ids: readonly string[]): Promise<string[]> {
    const lost: string[] = []
    for (const id of ids) {
      const [nearest] = await collection.near(this.vectorOf(id), { limit: 1, properties: ['imageId'] })
      if (nearest?.properties.imageId !== id) lost.push(id)
    }
    return lost
  }
}
