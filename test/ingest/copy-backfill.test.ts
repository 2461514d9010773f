import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearCopyScore, wordsOf } from '../../src/copies/near-copy-score.js'
import { AlikeError } from '../../src/errors.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { openDecoders } from '../../src/image/decoders.js'
import { prepareImage } from '../../src/image/prepare.js'
import { CopyBackfill } from '../../src/ingest/copy-backfill.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { copyDescriptorOf, model, newImage, putImages } from '../gallery/stored-images.js'
import { drawScene } from '../support/drawn-scenes.js'

const preprocessing = {
  inputSize: 224,
  fit: 'cover' as const,
  resizeShortSide: 224,
  kernel: 'cubic' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const silent = { info: () => {}, warn: () => {}, error: () => {} }
const decodersOf = (count: number) =>
  openDecoders({ processes: 0, count, memoryMaxBytes: 64 * 2 ** 20, logger: silent })

test('older pictures get their descriptors from their thumbnails, once, and those that cannot are recognised', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await galleries.create('b')
  const makeVector = unitVectors({ dimension: model.dimension, seed: 5 })
  const originals = new Map<string, Uint8Array>()
  for (let i = 0; i < 70; i++) {
    const { thumbnail, describe } = await prepareImage(await drawScene(i), {
      preprocessing,
      maxPixels: 1e8,
      copies: true,
      thumbnail: { maxSide: 192 },
    })
    originals.set(`p${i}`, describe!())
    await putImages(galleries.images, i % 2 ? 'a' : 'b', [newImage(`p${i}`, makeVector(), { thumbnail: thumbnail! })])
  }
  await putImages(galleries.images, 'a', [
    newImage('damaged', makeVector()),
    newImage('without', makeVector(), { thumbnail: new Uint8Array(0) }),
    newImage('new', makeVector(), { copyDescriptor: originals.get('p0') }),
  ])

  const told: number[] = []
  const backfill = new CopyBackfill({
    galleries,
    decoders: await decodersOf(2),
    logger: silent,
    onDescribed: (images) => void told.push(images),
  })
  await backfill.ended
  assert.equal(
    told.reduce((sum, images) => sum + images, 0),
    71,
  )
  for (const [id, original] of originals) {
    const made = wordsOf((await copyDescriptorOf(galleries, Number(id.slice(1)) % 2 ? 'a' : 'b', id))!)!
    assert.ok(nearCopyScore(made, 0, wordsOf(original)!, 0) > 0.75, id)
  }
  assert.equal(
    (await copyDescriptorOf(galleries, 'a', 'damaged'))?.byteLength,
    0,
    'its thumbnail is not a picture, so it is not tried again',
  )
  assert.equal(await copyDescriptorOf(galleries, 'a', 'without'), undefined)

  const again: number[] = []
  await new CopyBackfill({
    galleries,
    decoders: await decodersOf(2),
    logger: silent,
    onDescribed: (images) => void again.push(images),
  }).ended
  assert.deepEqual(again, [])
})

test('a gallery that is lost or out of reach does not keep the others waiting', async (t) => {
  for (const code of ['gallery_lost', 'engine_unreachable'] as const) {
    const asked: string[] = []
    const galleries = {
      readings: { all: async () => [{ gallery: 'away' }, { gallery: 'here' }] },
      images: {
        async undescribed(gallery: string) {
          asked.push(gallery)
          if (gallery === 'away') throw new AlikeError(code)
          return { images: [] }
        },
      },
    } as unknown as Galleries
    const decoders = await decodersOf(1)
    t.after(() => decoders.close())
    await new CopyBackfill({ galleries, decoders, logger: silent, onDescribed: () => {} }).ended
    assert.deepEqual(asked, ['away', 'here'])
  }
})

test('it waits where a caller would be refused, in a burst of writes or on a full disk, unless it is stopped', async (t) => {
  const refusals = [
    new AlikeError('overloaded', { retryAfterSeconds: 0.01 }),
    new AlikeError('storage_full', { retryAfterSeconds: 0.01 }),
  ]
  const told: number[] = []
  const options = {
    galleries: {
      readings: { all: async () => [{ gallery: 'a' }] },
      images: {
        undescribed: async () => ({ images: [{ thumbnail: new Uint8Array(0) }] }),
        async describe(_: string, made: unknown[]) {
          const refusal = refusals.shift()
          if (refusal !== undefined) throw refusal
          return made.length
        },
      },
    } as unknown as Galleries,
    decoders: await decodersOf(1),
    logger: { ...silent, error: ({ err }: { err?: unknown }) => assert.ifError(err) },
    onDescribed: (images: number) => void told.push(images),
  }
  t.after(() => options.decoders.close())
  await new CopyBackfill(options).ended
  assert.deepEqual(told, [1])

  refusals.push(...Array.from({ length: 1_000 }, () => new AlikeError('storage_full')))
  await new CopyBackfill(options).close()
  assert.deepEqual(told, [1])
})

test('a stop leaves the rest to the next start', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const makeVector = unitVectors({ dimension: model.dimension, seed: 6 })
  const { thumbnail } = await prepareImage(await drawScene(1), {
    preprocessing,
    maxPixels: 1e8,
    thumbnail: { maxSide: 192 },
  })
  await putImages(
    galleries.images,
    'a',
    Array.from({ length: 100 }, (_, i) => newImage(`p${i}`, makeVector(), { thumbnail: thumbnail! })),
  )
  let first = 0
  const stopped = new CopyBackfill({
    galleries,
    decoders: await decodersOf(1),
    logger: silent,
    onDescribed: (images) => {
      first += images
      void stopped.close()
    },
  })
  await stopped.ended
  assert.ok(first > 0 && first < 100, `${first}`)
  let rest = 0
  await new CopyBackfill({
    galleries,
    decoders: await decodersOf(1),
    logger: silent,
    onDescribed: (images) => {
      rest += images
    },
  }).ended
  assert.equal(first + rest, 100)
})
