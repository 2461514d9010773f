/** Verifies the state after all faults. */
import assert from 'node:assert/strict'
import type { Metadata } from '../../src/gallery/metadata.js'
import { until } from '../support/until.js'
import type { Picture } from './pictures.js'
import type { RoundRobin } from './round-robin.js'

export interface Listed {
  id: string
  contentHash: string
  label: string | null
  metadata: Metadata
}

interface Page {
  images: Listed[]
  nextCursor?: string
}

/** Content hash by id of all listed pictures. */
export async function listedHashes(balanced: RoundRobin, gallery: string): Promise<Map<string, string>> {
  const listed = await listedImages(balanced, gallery)
  return new Map([...listed].map(([id, { contentHash }]) => [id, contentHash]))
}

/** All pictures by id. */
export async function listedImages(balanced: RoundRobin, gallery: string): Promise<Map<string, Listed>> {
  const listed = new Map<string, Listed>()
  for (let cursor: string | undefined; ; ) {
    const path = `${gallery}/images?limit=1000${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const { images, nextCursor } = await until(async () => {
      const page = await balanced.ask<Page>({ method: 'GET', path })
      return page.is === 'answered' && page.body
    }, 'a page of the list')
    for (const image of images) listed.set(image.id, image)
    cursor = nextCursor
    if (cursor === undefined) return listed
  }
}

const atOnce = 4

/** Each must be the first hit of a search with its picture. @returns their number */
export async function expectAllFound(
  balanced: RoundRobin,
  gallery: string,
  pictures: ReadonlyMap<string, Picture>,
): Promise<number> {
  const waiting = [...pictures]
  const missing: string[] = []
  const search = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [id, { png }] = next
      const asked = { method: 'POST', path: `${gallery}/search?k=1`, type: 'image/png', body: png }
      // a search may be refused at capacity
      const { body } = await until(async () => {
        const outcome = await balanced.ask<{ hits: { id: string }[] }>(asked)
        return outcome.is === 'answered' && outcome
      }, `an answer for ${id}`)
      if (body.hits[0]?.id !== id) missing.push(id)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, search))
  assert.deepEqual(missing, [], 'stored and not found')
  return pictures.size
}
