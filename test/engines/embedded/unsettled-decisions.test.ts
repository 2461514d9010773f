/** A decision is stored before it is applied: what a process leaves unapplied, the next one applies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DecidedFinding } from '../../../src/gallery/decisions.js'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { damageRow } from '../../support/stored-rows.js'
import { engineOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 5 })

test('decisions stored but not applied are applied at the next start, to images that are unchanged', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const images = ['one', 'two', 'copy', 'other'].map((id) => newImage(id, makeVector(), { label: 'before' }))
  await putImages(galleries.images, 'a', images)
  const { galleryUid } = await galleries.sets.serving('a')
  const decided = (
    id: string,
    label: string | null,
    contentHash = images.find((image) => image.id === id)!.contentHash,
  ) => ({
    id,
    contentHash,
    label,
    labelBefore: 'before',
  })
  const { decisions } = engineOf(galleries)
  const relabelling: DecidedFinding = {
    kind: 'label',
    decision: 'set-label',
    label: 'after',
    images: [decided('one', 'after'), decided('two', 'after', 'what it was before')],
    changed: 2,
    by: 'someone',
  }
  const keeping: DecidedFinding = {
    kind: 'copies',
    decision: 'keep-one',
    keep: 'one',
    images: [decided('one', 'before'), decided('copy', 'before'), decided('other', 'before', 'what it was before')],
    changed: 2,
    by: 'someone',
  }
  for (const finding of [relabelling, keeping]) await decisions.add(galleryUid, finding)
  assert.equal((await decisions.unsettled(galleryUid)).length, 2)
  await galleries.close()

  const again = await openIn(t, dataDir)
  const stored = await again.images.find('a', ['one', 'two', 'copy', 'other'])
  assert.deepEqual(
    stored.map(({ id, label }) => [id, label]),
    [
      ['one', 'after'],
      ['two', 'before'],
      ['other', 'before'],
    ],
  )
  assert.deepEqual(await engineOf(again).decisions.unsettled(galleryUid), [])
  assert.equal((await (await again.decisions('a')).page(0, 10)).length, 2)
})

test('copies are not deleted once the picture that was to be kept is gone or another one', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const ids = ['one', 'copy of one', 'two', 'copy of two']
  const images = ids.map((id) => newImage(id, makeVector()))
  await putImages(galleries.images, 'a', images)
  const { galleryUid } = await galleries.sets.serving('a')
  for (const [first, second] of [images.slice(0, 2), images.slice(2)] as (typeof images)[])
    await engineOf(galleries).decisions.add(galleryUid, {
      kind: 'copies',
      decision: 'keep-one',
      keep: first!.id,
      images: [first!, second!].map(({ id, contentHash }) => ({ id, contentHash, label: null, labelBefore: null })),
      changed: 1,
      by: 'someone',
    })
  await removeImages(galleries.images, 'a', ['one'])
  await putImages(galleries.images, 'a', [{ ...newImage('two', makeVector()), contentHash: 'another' }])
  await galleries.close()

  const again = await openIn(t, dataDir)
  const { images: left } = await again.images.page('a')
  assert.deepEqual(
    left.map(({ id }) => id),
    ['copy of one', 'copy of two', 'two'],
  )
  assert.deepEqual(await engineOf(again).decisions.unsettled(galleryUid), [])
})

test('a damaged decision that was left unapplied does not keep others from being made', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const image = newImage('one', makeVector(), { label: 'before' })
  await putImages(galleries.images, 'a', [image])
  const { galleryUid } = await galleries.sets.serving('a')
  await engineOf(galleries).decisions.add(galleryUid, {
    kind: 'label',
    decision: 'dismissed',
    images: [{ id: 'one', contentHash: image.contentHash, label: 'before', labelBefore: 'before' }],
    changed: 0,
    by: 'someone',
  })
  damageRow(dataDir, 'decision', 'judge', 'somebody')
  const decisions = await galleries.decisions('a')
  await decisions.decide({ kind: 'label', decision: 'set-label', label: 'after', ids: ['one'], by: 'someone' })
  assert.equal((await galleries.images.get('a', 'one'))?.label, 'after')
})
