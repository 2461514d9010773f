/** The sets of galleries, compared with what they should contain or, where they do not serve, may contain. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { SetStatus } from '../../../src/re-embedding/embedding-sets.js'
import { until } from '../../support/until.js'
import type { ComparedGalleries } from './compared-galleries.js'
import { embeddedBy } from './models.js'
import { setsOf } from './opened-sets.js'
import { pictureOf } from './pictures.js'
import type { PlainGallery } from './plain-gallery.js'
import { asShown, type PlainSet, type ShownImage } from './plain-set.js'
import { compareSearchesOf } from './searching-steps.js'

/** In another engine: there are two sets of one model. */
export const isCopy = ({ serving, beside }: PlainGallery) => beside?.model === serving.model

/** Which sets there are, and that nothing in those that do not serve has returned. */
export async function compareSets(at: ComparedGalleries): Promise<void> {
  for (const [name, plain] of at.plain) {
    const { told } = await noticeMove(at, name, plain)
    const { serving, beside } = plain
    assert.deepEqual(
      told.toSorted(servingFirst).map(({ modelId, engine }) => [modelId, engine]),
      [serving, beside ?? []].flat().map(({ model, engine }) => [model.id, engine]),
    )
    if (beside !== undefined) beside.show(await contentsOf(at.galleries, name, beside), isPartial(beside))
  }
}

const servingFirst = (a: SetStatus, b: SetStatus) => Number(b.stage === 'serving') - Number(a.stage === 'serving')

/**
 * A copy begins to serve when its job has compared it.
 * @returns the gallery's sets; and whether a job may still change them
 */
export async function noticeMove(
  { galleries }: ComparedGalleries,
  name: string,
  plain: PlainGallery,
): Promise<{ told: SetStatus[]; isUnderWay: boolean }> {
  const { sets } = setsOf(galleries)
  const isUnderWay = (await sets.list(name)).some(({ job }) => job !== undefined)
  const told = await sets.list(name)
  const { engine } = told.find(({ stage }) => stage === 'serving')!
  if (isCopy(plain) && engine !== plain.serving.engine) plain.move()
  return { told, isUnderWay }
}

/** @returns whether a gallery has moved */
export async function noticeMoves(at: ComparedGalleries): Promise<boolean> {
  let hasMoved = false
  for (const [name, plain] of at.plain) {
    const { serving } = plain
    if (isCopy(plain)) await noticeMove(at, name, plain)
    hasMoved ||= plain.serving !== serving
  }
  return hasMoved
}

/** In the end every set has what was stored while it was filled. */
export async function compareAllCaughtUp(at: ComparedGalleries): Promise<void> {
  await compareSets(at)
  for (const [name, plain] of at.plain) await compareCaughtUp(at, name, plain)
  const failed = await setsOf(at.galleries).jobs.list({ states: ['failed'] })
  for (const { job } of failed) assert.ok(mayFail.includes(job.failure!.code), JSON.stringify(job.failure))
}

/** Why jobs fail: their gallery or set was deleted, or their process was killed too often. */
const mayFail: readonly string[] = ['gallery_not_found', 'set_not_found', 'job_interrupted']

/** Its job is over. */
export async function untilFilled({ galleries, plain }: ComparedGalleries, name: string): Promise<void> {
  if (plain.get(name)?.beside !== undefined)
    await until(async () => (await toldBeside(galleries, name)).job === undefined, 'the end of the job')
}

/** By another group of images, unless its job is over. */
export async function untilFilledFurther({ galleries, plain }: ComparedGalleries, name: string): Promise<void> {
  if (plain.get(name)?.beside === undefined) return
  const { reading } = await toldBeside(galleries, name)
  await until(async () => {
    const { job, reading: now } = await toldBeside(galleries, name)
    return job === undefined || now.images !== reading.images
  }, 'another group')
}

export async function compareCaughtUp(at: ComparedGalleries, name: string, plain: PlainGallery): Promise<void> {
  if (plain.beside === undefined) return
  const expected = new Map(Array.from(plain.images, ([id, image]) => [id, asShown(image)]))
  let contents = new Map<string, ShownImage>()
  const isCaughtUp = async () => {
    const { told, isUnderWay } = await noticeMove(at, name, plain)
    if (isUnderWay) return false
    const beside = plain.beside!
    // its process was killed before there was a job, or too often during it
    if (told.some(({ stage }) => stage === 'building')) return void (await begin(at.galleries, name, plain))
    contents = await contentsOf(at.galleries, name, beside)
    beside.show(contents, isPartial(beside))
    return isDeepStrictEqual(contents, expected)
  }
  await until(isCaughtUp, 'catching up').catch((error: unknown) => {
    assert.deepEqual(contents, expected)
    throw error
  })
  if (!isCopy(plain)) await compareSearchesOf(at, name, plain.beside.model)
}

/** Weaviate replaces an image in more than one step. */
const isPartial = ({ engine }: PlainSet) => engine === 'weaviate'

async function begin(galleries: Galleries, name: string, plain: PlainGallery): Promise<void> {
  const { sets, moves } = setsOf(galleries)
  const { model, engine } = plain.beside!
  await (isCopy(plain) ? moves.begin(name, engine) : sets.build(name, model.id))
}

export async function toldBeside(galleries: Galleries, name: string): Promise<SetStatus> {
  return (await setsOf(galleries).sets.list(name)).find(({ stage }) => stage !== 'serving')!
}

/** All images of the set that does not serve; vectors are those of its model. */
async function contentsOf(galleries: Galleries, name: string, { model }: PlainSet): Promise<Map<string, ShownImage>> {
  const beside = (await galleries.sets.list(name)).find(({ stage }) => stage !== 'serving')!
  const set = await galleries.sets.open(beside)
  const contents = new Map<string, ShownImage>()
  for await (const { images } of set.page({ limit: 1_000 }))
    for (const { record, vector } of await set.whole(images.map(({ id }) => id))) {
      const { id, label, metadata, contentHash } = record
      assert.deepEqual(vector, embeddedBy(model.id, pictureOf(contentHash).vector))
      contents.set(id, { label, metadata, contentHash })
    }
  return contents
}
