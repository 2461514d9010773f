/** A data folder as left by a crash, every possible request to it, and what must hold if its files are damaged. */
import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { Snapshots } from '../../../src/backups/snapshots.js'
import { AlikeError } from '../../../src/errors.js'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { Hit } from '../../../src/gallery/gallery-search.js'
import { embeddingOf, listGalleries, model, newImage, putImages } from '../../gallery/stored-images.js'
import { randomDescriptor } from '../../support/copy-descriptors.js'
import { damagedBytes } from '../../support/damage.js'
import { jobsOf, openEmbeddedGalleries } from './embedded-galleries.js'
import { dataFolder, index, openIn, settled } from './storage-folder.js'
import { seededRandom, unitVectors } from './vector-index/unit-vectors.js'

export const vectors = Array.from({ length: 120 }, unitVectors({ dimension: model.dimension, seed: 41 }))

/** Every possible request to a gallery. */
export async function everyAnswer(galleries: Galleries): Promise<(() => unknown | Promise<unknown>)[]> {
  return [
    () => listGalleries(galleries),
    () => galleries.images.page('a', { limit: 1_000 }),
    () => galleries.images.page('a', { limit: 1_000, label: 'odd' }),
    () => galleries.images.labels('a'),
    () => jobsOf(galleries).list(),
    () => jobsOf(galleries).errors('j'),
    ...vectors.flatMap((vector, i) => [
      () => galleries.images.get('a', `p${i}`),
      () => embeddingOf(galleries, 'a', `p${i}`),
      () => galleries.images.thumbnail('a', `p${i}`),
      ...(i % 10 === 0
        ? [
            async () => (await galleries.searches.search('a', { vector, k: 15 })).hits,
            async () =>
              (await galleries.searches.search('a', { vector, k: 15, filter: { field: 'label', in: ['odd'] } })).hits,
          ]
        : []),
    ]),
  ]
}

export async function fill(galleries: Galleries): Promise<void> {
  await galleries.create('a', { x: 1 })
  const random = seededRandom(42)
  await putImages(
    galleries.images,
    'a',
    vectors.map((vector, i) =>
      newImage(`p${i}`, vector, {
        label: i % 2 ? 'odd' : 'even',
        metadata: { i },
        copyDescriptor: randomDescriptor(random),
      }),
    ),
  )
  await jobsOf(galleries).create({ id: 'j', gallery: 'a', source: { x: 1 } })
  await jobsOf(galleries).transition('j', { from: ['queued'], to: 'running' })
  await jobsOf(galleries).advance({
    jobId: 'j',
    position: 1,
    errors: [{ item: 0, name: 'n', code: 'image_empty', detail: 'd' }],
  })
}

export async function answersOf(galleries: Galleries): Promise<unknown[]> {
  return Promise.all((await everyAnswer(galleries)).map((ask) => ask()))
}

export type Outcome = 'refused' | 'said' | 'unharmed'

/** Hits as returned, without removed ones, and renumbered. */
const without = (hits: readonly Hit[], gone: ReadonlySet<string>): Hit[] =>
  hits.filter(({ record }) => !gone.has(record.id)).map((hit, i) => ({ ...hit, rank: i + 1 }))

/**
 * A search omits pictures with damaged embeddings, which the gallery's state counts and a request for the embedding
 * reports. Everything else it finds is right and in order; further hits may appear at the end.
 */
async function searchesWithout(galleries: Galleries): Promise<ReadonlySet<string>> {
  const gone = new Set<string>()
  const { unfindable = 0 } = (await galleries.readings.all()).find(({ gallery }) => gallery === 'a') ?? {}
  for (let i = 0; unfindable > 0 && i < vectors.length; i++)
    await embeddingOf(galleries, 'a', `p${i}`).catch(() => gone.add(`p${i}`))
  assert.ok(gone.size >= unfindable)
  return gone
}

const isHits = (answer: unknown): answer is Hit[] =>
  Array.isArray(answer) && answer.length > 0 && 'rank' in (answer[0] as object)

/** Opens a damaged data folder: it reports the damage, or each answer is right or reports it. */
export async function expectHonest(dataDir: string, truth: unknown[], what: string): Promise<Outcome> {
  let galleries: Galleries
  try {
    galleries = await openEmbeddedGalleries({ dataDir, model, index, logger: pino({ level: 'silent' }) })
  } catch (error) {
    assert.ok(error instanceof AlikeError && error.code === 'data_unreadable', `${what}: ${String(error)}`)
    return 'refused'
  }
  let said = false
  try {
    const gone = await searchesWithout(galleries)
    for (const [i, ask] of (await everyAnswer(galleries)).entries()) {
      try {
        const [answer, right] = [await ask(), truth[i]]
        if (gone.size > 0 && isHits(answer) && isHits(right)) {
          const left = without(right, gone)
          assert.deepEqual(without(answer, gone).slice(0, left.length), left, `${what}: answer ${i}`)
        } else assert.deepEqual(answer, right, `${what}: answer ${i}`)
      } catch (error) {
        if (!(error instanceof AlikeError)) throw error
        assert.equal(error.code, 'data_unreadable', what)
        said = true
      }
    }
  } finally {
    await galleries.close()
  }
  return said ? 'said' : 'unharmed'
}

export interface CrashedFolder {
  dataDir: string
  answers: unknown[]
  /** One file of every kind, relative to the data folder. */
  files: string[]
}

/** The files as they are while a process works: a non-empty log, a graph, a snapshot of the data. */
export async function crashedFolder(t: TestContext): Promise<CrashedFolder> {
  const living = await dataFolder(t)
  const first = await openIn(t, living)
  await fill(first)
  await settled(first)
  await first.close() // moves the log into the database, so that it matters
  const galleries = await openIn(t, living)
  const snapshots = await Snapshots.open({
    dataDir: living,
    max: 1,
    modelId: model.id,
    serviceVersion: '0',
    logger: pino({ level: 'silent' }),
  })
  const { id } = await snapshots.create()
  while ((await snapshots.get(id)).state === 'writing') await new Promise((resolve) => setImmediate(resolve))
  // Several commits at the end, so that the log has some that are neither first nor last.
  for (let i = 0; i < 12; i++) await galleries.images.patch('a', `p${i}`, { metadata: { i, changed: true } })
  const answers = await answersOf(galleries)
  const dataDir = await dataFolder(t)
  await cp(living, dataDir, { recursive: true })
  await rm(join(dataDir, 'alike.reserve'), { force: true }) // there is one only if all this took seconds
  await galleries.close()
  await snapshots.close()
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  return {
    dataDir,
    answers,
    files: entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(dataDir, join(entry.parentPath, entry.name)))
      .sort(),
  }
}

/** Damages one file in a copy of the folder at random; every answer must then be right or reported as unreadable. */
export async function damageAndAsk(
  t: TestContext,
  { dataDir, answers }: CrashedFolder,
  file: string,
  random: () => number,
): Promise<{ outcome: Outcome; what: string }> {
  const copy = await dataFolder(t)
  await cp(dataDir, copy, { recursive: true })
  const whole = await readFile(join(dataDir, file))
  const { bytes, what } =
    whole.length === 0 ? { bytes: Buffer.from('garbage'), what: 'no longer empty' } : damagedBytes(whole, random)
  await writeFile(join(copy, file), bytes)
  return { outcome: await expectHonest(copy, answers, `${file}, ${what}`), what }
}
