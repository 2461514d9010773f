/** Galleries with pictures, and snapshots of them, in a temporary folder. */
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { type SnapshotRecord, Snapshots, type SnapshotsOptions } from '../../src/backups/snapshots.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'
import { until } from '../support/until.js'

export const vectors = Array.from({ length: 300 }, unitVectors({ dimension: model.dimension, seed: 51 }))

export async function filledGalleries(t: TestContext): Promise<{ dataDir: string; galleries: Galleries }> {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a', { x: 1 })
  await putImages(
    galleries.images,
    'a',
    vectors.map((vector, i) => newImage(`p${i}`, vector, { label: i % 2 ? 'odd' : 'even', metadata: { i } })),
  )
  await galleries.create('b', {}, { maxImages: 2 })
  await putImages(galleries.images, 'b', [newImage('only', vectors[0]!)])
  return { dataDir, galleries }
}

export async function snapshotsIn(
  t: TestContext,
  dataDir: string,
  options: Partial<SnapshotsOptions> = {},
): Promise<Snapshots> {
  const snapshots = await Snapshots.open({
    dataDir,
    max: 3,
    modelId: model.id,
    serviceVersion: '0.0.0',
    logger: pino({ level: 'silent' }),
    ...options,
  })
  t.after(() => snapshots.close())
  return snapshots
}

export function ended(snapshots: Snapshots, { id }: { id: string }): Promise<SnapshotRecord> {
  return until(async () => {
    const record = await snapshots.get(id)
    return record.state !== 'writing' && record
  }, 'the end of a snapshot')
}
