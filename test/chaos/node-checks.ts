/** What one Weaviate node has by itself: every picture as it was sent, and whether its own index finds it. */
import assert from 'node:assert/strict'
import pMap from 'p-map'
import { dot } from '../../src/cosine.js'
import { ImageCollection } from '../../src/engines/weaviate/image-collection.js'
import { recordOf, recordProperties } from '../../src/engines/weaviate/image-object.js'
import { RankedHits } from '../../src/engines/weaviate/nearest-hits.js'
import { SearchedImages } from '../../src/engines/weaviate/searched-images.js'
import { WeaviateServer } from '../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults } from '../../src/engines/weaviate/weaviate-settings.js'
import type { Described } from './large-job.js'
import { drawPicture, exactNearest } from './pictures.js'
import { mean } from './samples.js'
import type { WeaviateNode } from './weaviate-nodes.js'

export interface NodeFindings {
  stored: number
  /** Same bytes, label, metadata and vector as sent. */
  equal: number
  /** By a search with their own vector. */
  found: number
  /** Of queries that are not stored. */
  recall: number
}

export interface Query {
  vector: Float32Array
  nearest: string[]
}

const k = 10
const layout = { shards: 3, replicas: 3, quantisation: 'rq8' } as const
const atOnce = 6
const readAtOnce = 500

/** Queries beside the stored pictures, with their exact answers. */
export function newQueries(count: number, pictures: readonly Described[]): Query[] {
  const entries = pictures.map((picture) => [picture.id, picture] as const)
  return Array.from({ length: count }, (_, n) => {
    const { vector } = drawPicture('written', 5_000_000 + n)
    return { vector, nearest: exactNearest(vector, entries, k) }
  })
}

export async function findingsOf(
  { url, grpcAddress }: WeaviateNode,
  { pictures, queries }: { pictures: readonly Described[]; queries: readonly Query[] },
): Promise<NodeFindings> {
  const server = new WeaviateServer({ url, grpcAddress, apiKey: '', consistency: 'one', timeoutMs: 20_000 })
  try {
    const [name] = (await server.collections()).filter((collection) => collection.startsWith('Alike_'))
    const images = new ImageCollection(server, name!, { layout, tuning: tuningDefaults })
    const stored = await comparedWith(images, pictures)
    const found = await pMap(pictures, ({ id, vector }) => isFound(images, id, vector), { concurrency: atOnce })
    const recalls = await pMap(
      queries,
      async ({ vector, nearest }) => recallOf(await hitsOf(images, vector), nearest),
      {
        concurrency: atOnce,
      },
    )
    return { ...stored, found: found.filter(Boolean).length, recall: mean(recalls) }
  } finally {
    await server.close()
  }
}

async function comparedWith(
  images: ImageCollection,
  pictures: readonly Described[],
): Promise<Pick<NodeFindings, 'stored' | 'equal'>> {
  const expected = new Map(pictures.map((picture) => [picture.id, picture]))
  let [stored, equal] = [0, 0]
  for await (const page of images.all({ limit: readAtOnce, properties: recordProperties, vectors: true }))
    for (const one of page) {
      const { id, contentHash, label, metadata } = recordOf(one)
      const sent = expected.get(id)
      assert.ok(sent !== undefined, `nobody has sent ${id}`)
      stored++
      assert.deepEqual({ contentHash, label, metadata }, pick(sent), id)
      assert.ok(Math.abs(1 - dot(Float32Array.from(one.vector), sent.vector, 0)) < 1e-5, `the vector of ${id}`)
      expected.delete(id)
      equal++
    }
  return { stored, equal }
}

const pick = ({ contentHash, label, metadata }: Described) => ({ contentHash, label, metadata })

/** By the node's graph, of codes of eight bits: some pictures have the same. */
async function isFound(collection: ImageCollection, id: string, vector: Float32Array): Promise<boolean> {
  const nearest = await collection.near(vector, { limit: 4, properties: ['imageId'], vectors: false })
  return nearest.some(({ properties }) => properties.imageId === id)
}

/** As the service searches, on this node. */
async function hitsOf(collection: ImageCollection, vector: Float32Array): Promise<string[]> {
  const query = { vector, exact: false }
  const copiesOf = () => Promise.resolve([])
  const exactBelow = await collection.access.exactBelow()
  const images = await SearchedImages.open({ collection, exactBelow, copiesOf }, query)
  return (await new RankedHits(images, query, Infinity, []).first(k)).map(({ record }) => record.id)
}

function recallOf(hits: readonly string[], nearest: readonly string[]): number {
  return nearest.filter((id) => hits.includes(id)).length / nearest.length
}
