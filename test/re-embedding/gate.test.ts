/**
 * Two sets evaluated side by side: what the other one lacks is detected, although everything in it is as good as
 * before.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { OpenSet } from '../../src/gallery/engine.js'
import type { NewImage } from '../../src/gallery/records.js'
import { judgeSets } from '../../src/re-embedding/gate.js'
import { reasonsAgainst } from '../../src/re-embedding/gate-report.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'

const labels = ['cat', 'dog', 'bird']
const ofLabel = 30
const bounds = {
  gateMapLossMax: 0.01,
  gateRankLossMax: 0.01,
  gateOverlapMin: 0.5,
  gateReplayOverlapMin: 0.1,
  gateCopiesLossMax: 0.02,
}
const { signal } = new AbortController()

/** Pictures of a label are closer to each other than to any others. */
function clustered(): NewImage[] {
  const makeVector = unitVectors({ dimension: model.dimension, seed: 5 })
  const centres = labels.map(() => makeVector())
  return labels.flatMap((label, place) =>
    Array.from({ length: ofLabel }, (_, i) => {
      const noise = makeVector()
      const mixed = centres[place]!.map((value, at) => value + 0.3 * noise[at]!)
      const length = Math.hypot(...mixed)
      return newImage(`${label}${i}`, mixed.map((value) => value / length) as Float32Array, { label })
    }),
  )
}

/** The serving set has all of the pictures; the other one has those that are kept. */
async function twoSets(
  t: TestContext,
  isKept: (image: NewImage, place: number) => boolean,
  said: (image: NewImage) => NewImage = (image) => image,
): Promise<[serving: OpenSet, other: OpenSet]> {
  const galleries = await openIn(t, await dataFolder(t))
  const images = clustered().map(said)
  await galleries.create('g')
  await putImages(galleries.images, 'g', images)
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('g')
  const uid = randomBytes(8).toString('hex')
  const { catalogue } = engineOf(galleries)
  const set = await catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId, dimension, about: {} })
  await galleries.sets.changeImages(
    set,
    images.filter(isKept).map((put) => ({ put })),
  )
  const serving = (await galleries.sets.list('g')).find(({ stage }) => stage === 'serving')!
  return [await galleries.sets.open(serving), await galleries.sets.open(set)]
}

const judged = (sets: [OpenSet, OpenSet]) => judgeSets(...sets, { queries: 500, seed: 1, signal })
const lostOf = (label: string) => (image: NewImage) => image.label !== label || Number(image.id.slice(3)) % 3 !== 0

test('a complete set lacks nothing and has no reasons against it', async (t) => {
  const measures = await judged(await twoSets(t, () => true))
  assert.deepEqual([measures.candidates, measures.missing, measures.overlapAt10], [90, 0, 1])
  assert.deepEqual(reasonsAgainst(measures, bounds), [])
})

test('a set that lacks a third of a label fails the gate', async (t) => {
  const measures = await judged(await twoSets(t, lostOf('cat')))
  assert.deepEqual([measures.candidates, measures.missing, measures.queries], [90, 10, 90])
  const [map, rank] = [measures.quality['mAP@10']!, measures.quality.normalisedMeanRank!]
  // ten of the ninety queries are missing and find nothing; the others still find ten of their label
  assert.ok(map.serving > 0.99)
  assert.ok(Math.abs(map.difference + 10 / 90) < 0.001, `${map.difference}`)
  // among the 29 others of their label, 20 queries miss 10, which rank last of 89; ten queries miss all
  assert.ok(rank.difference > 0.15 && rank.difference < 0.25, `${rank.difference}`)
  const reasons = reasonsAgainst(measures, bounds)
  assert.equal(reasons.length, 2, reasons.join(' '))
  assert.match(reasons[0]!, /^mAP@10 may be lower/)
  assert.match(reasons[1]!, /^The normalised mean rank may be higher/)
})

test('without labels, missing pictures show in the overlap', async (t) => {
  const [whole, lacking] = [await twoSets(t, () => true, unlabelled), await twoSets(t, isOfThird, unlabelled)]
  assert.equal((await judged(whole)).overlapAt10, 1)
  const measures = await judged(lacking)
  // a third of the queries find nothing, and a third of what the others find is missing
  assert.ok(measures.overlapAt10! > 0.35 && measures.overlapAt10! < 0.55, `${measures.overlapAt10}`)
  assert.deepEqual([measures.queries, measures.missing, measures.overlapQueries], [0, 30, 90])
})

test('a set that lacks all pictures is worthless', async (t) => {
  const measures = await judged(await twoSets(t, () => false))
  const { quality, overlapAt10, missing } = measures
  assert.deepEqual([quality['mAP@10']!.other, quality['mAP@50']!.other, overlapAt10, missing], [0, 0, 0, 90])
  assert.equal(quality.normalisedMeanRank!.other, 1)
})

function unlabelled(image: NewImage): NewImage {
  return { ...image, label: null }
}

function isOfThird(_: NewImage, place: number): boolean {
  return place % 3 !== 0
}
