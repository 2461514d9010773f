/** A collection says in which format it was written: one of a newer version is refused, and read by no mistake. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { dataFolder } from '../embedded/storage-folder.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { catalogueOf, engineOf, openWeaviateGalleries } from './weaviate-galleries.js'

const newVector = unitVectors({ dimension: model.dimension, seed: 47 })
const collections = async () => `${(await sharedWeaviate()).settings.url}/v1/schema`

async function describe(name: string, description: string): Promise<void> {
  const url = `${await collections()}/${name}`
  const definition = (await (await fetch(url)).json()) as object
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify({ ...definition, description }) })
  assert.equal(answer.status, 200, await answer.text())
}

async function opened(t: TestContext, dataDir: string) {
  return openWeaviateGalleries(t, { dataDir, server: (await sharedWeaviate()).settings })
}

test('a collection of a newer version is neither read nor written, and others are', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const dataDir = await dataFolder(t)
  const first = await opened(t, dataDir)
  for (const name of ['newer', 'first']) {
    await first.create(name)
    await putImages(first.images, name, [newImage('a', newVector())])
  }
  const [newer, oldest] = await Promise.all(
    ['newer', 'first'].map(async (name) => `Alike_${(await catalogueOf(first).find(name))!.set.uid}`),
  )
  const { description } = (await (await fetch(`${await collections()}/${newer}`)).json()) as { description: string }
  assert.equal(description, 'An embedding set of Alike, format 1')
  await first.close()

  await describe(newer!, 'An embedding set of Alike, format 2')
  await describe(oldest!, '')
  const second = await opened(t, dataDir)
  const refused = { code: 'gallery_newer', detail: `Its collection ${newer} has format 2, not 1.` }
  await assert.rejects(second.images.find('newer', ['a']), refused)
  await assert.rejects(putImages(second.images, 'newer', [newImage('b', newVector())]), refused)
  await assert.rejects(second.readings.state('newer'), refused)
  await assert.rejects(removeImages(second.images, 'newer', ['a']), refused)
  assert.equal((await second.images.find('first', ['a'])).length, 1)
  assert.equal(engineOf(second).unreachable, undefined)
  const listed = await second.readings.all()
  assert.deepEqual(
    listed.map(({ gallery, unreachable = false }) => [gallery, unreachable]),
    [
      ['first', false],
      ['newer', true],
    ],
  )
})
