/**
 * A node that missed acknowledged changes reads, lists, changes, removes, compares and moves pictures as if it had taken part:
 * `npm run test:chaos -- --reads`. Replicas are not compared in the background, so it misses them for as long as the test takes.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import type { Engine, NearestQuery, OpenSet, PageOfImages } from '../../src/gallery/engine.js'
import { type Galleries, openGalleries } from '../../src/gallery/galleries.js'
import { readWholeGallery } from '../../src/gallery/whole-gallery.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobControl } from '../../src/jobs/job-runner.js'
import { onlyModel } from '../gallery/only-model.js'
import { model, newImage } from '../gallery/stored-images.js'
import { openMover } from '../re-embedding/opened-mover.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { acknowledged, ids, missedChanges, newSets, newVector, patch, remove } from './missed-changes.js'

const lists = ['listed', 'labelled', 'filtered', 'labels', 'exact', 'copies', 'scanned'] as const
const names = [...lists, 'byId', 'patched', 'removed'] as const
type Sets = Record<(typeof names)[number], OpenSet>

test('a node that was away while changes were acknowledged', { skip: skipWithoutWeaviate }, async (t) => {
  let galleries!: Galleries
  const missed = await missedChanges(t, async (last) => {
    galleries = await openGalleriesWith(t, last)
    await galleries.create('moved')
    return { ...newSets(...names), moved: await galleries.sets.serving('moved') }
  })
  const [others, returned] = [missed.others as Sets, missed.returned as Sets]

  await t.test('reads, changes and removes by id', async () => {
    const labels = async (opened: OpenSet, kind: string) => (await opened.find(ids(kind))).map(({ label }) => label)
    assert.deepEqual(await labels(returned.byId, 'new'), ids('new').fill('latest'))
    assert.deepEqual(await labels(returned.byId, 'patched'), ids('patched').fill('second'))
    assert.deepEqual(await labels(returned.byId, 'removed'), [])
    await patch(returned.byId, 'new')
    assert.deepEqual(await labels(others.byId, 'new'), ids('new').fill('second'))
    await remove(returned.byId, 'patched')
    for (const opened of [others.byId, returned.byId]) assert.deepEqual(await labels(opened, 'patched'), [])
  })

  await t.test('has what it missed before another node changes a label', async () => {
    await patch(others.patched, 'replaced', 'third')
    const told = async (opened: OpenSet) =>
      (await opened.whole(ids('replaced'))).map(({ vector, record: { label } }) => [label, [...vector]])
    assert.deepEqual(await told(returned.patched), await told(others.patched))
  })

  await t.test('lists everything', async () => {
    assert.deepEqual(await listed(returned.listed, {}), inOrder(acknowledged()))
  })

  await t.test('lists what has a label', async () => {
    for (const label of ['first', 'second', 'latest'])
      assert.deepEqual(await listed(returned.labelled, { label }), inOrder(acknowledged(), label))
  })

  await t.test('lists what matches a filter', async () => {
    const filter = { field: 'label', in: ['second'] }
    assert.deepEqual(await listed(returned.filtered, { filter }), inOrder(acknowledged(), 'second'))
  })

  await t.test('lists all labels', async () => {
    const counts = await returned.labels.labels({ limit: 10 })
    assert.deepEqual(
      counts.map(({ label }) => label),
      ['first', 'latest', 'second'],
    )
    assert.equal(counts[1]!.count, ids('any').length, 'only other nodes have any')
  })

  await t.test('searches everything exactly, and knows what it found', async () => {
    assert.deepEqual(await searched(returned.exact, {}), inOrder(acknowledged()))
    const filter = { field: 'label', in: ['second'] }
    assert.deepEqual(await searched(returned.exact, { filter }), inOrder(acknowledged(), 'second'))
  })

  await t.test('finds all near-copies', async () => {
    const contentHashes = ['new', 'removed', 'old'].map((kind) => newImage(`${kind}0`, newVector()).contentHash)
    const copiesOf = { descriptors: [], contentHashes, least: 0.5 }
    const expected = [
      ['new0', 'latest'],
      ['old0', 'first'],
    ]
    assert.deepEqual(await searched(returned.copies, { exact: undefined, copiesOf }), expected)
  })

  await t.test('analyses everything', async () => {
    const { source, neighbours } = returned.scanned.scan()
    const whole = await readWholeGallery(source, { vectors: true, descriptors: true, onPage: () => {} })
    const scanned = whole.ids.map((id, i): [string, string] => [id, whole.labels[i]!])
    assert.deepEqual(scanned.sort(byId), inOrder(acknowledged()))
    const { counts } = await neighbours({ numbers: whole.numbers.slice(0, 64), k: 4 })
    assert.ok(counts.every((count) => count === 4))
  })

  await t.test('removes what has a label', async () => {
    const before = acknowledged()
    assert.equal(await returned.removed.removeFitting({ field: 'label', in: ['second'] }), ids('any').length * 2)
    const kept = inOrder(before).filter(([, label]) => label !== 'second')
    assert.deepEqual(await listed(others.removed, {}), kept)
  })

  await t.test('moves everything to another engine', async () => {
    await move(t, galleries)
    const { images } = await galleries.images.page('moved', { limit: 1_000 })
    assert.deepEqual(
      images.map(({ id, label }) => [id, label]),
      inOrder(acknowledged()),
    )
  })
})

async function listed(set: OpenSet, asked: PageOfImages): Promise<unknown[]> {
  const seen: unknown[] = []
  for (let after = ''; ; ) {
    let following: string | undefined
    for await (const { images, next } of set.page({ ...asked, after, limit: 25 })) {
      seen.push(...images.map(({ id, label }) => [id, label]))
      following = next
    }
    if (following === undefined) return seen
    after = following
  }
}

/** As listed, read once more as for a further page. */
async function searched(set: OpenSet, asked: Partial<NearestQuery>): Promise<unknown[]> {
  const nearest = await set.nearest({ vector: newVector(), exact: true, ...asked })
  const records = (await nearest.first(1_000)).map(({ record }) => record)
  const now = await set.current(records)
  const texts = await set.metadata(records, () => {})
  assert.deepEqual([now.length, texts.filter((text) => text !== undefined).length], [records.length, records.length])
  return now.map((record): [string, string] => [record!.id, record!.label!]).sort(byId)
}

const byId = ([a]: [string, string], [b]: [string, string]) => (a < b ? -1 : 1)

function inOrder(labels: ReadonlyMap<string, string>, only?: string): [string, string][] {
  return [...labels].filter(([, label]) => only === undefined || label === only).sort(byId)
}

async function openGalleriesWith(t: TestContext, weaviate: Engine): Promise<Galleries> {
  const dataDir = await temporaryFolder(t)
  const embedded = await openEmbedded({ dataDir, logger: pino({ level: 'silent' }) })
  const { catalogue, feedback, decisions, layouts } = embedded
  const galleries = await openGalleries({
    catalogue,
    engines: { weaviate, embedded },
    engineOfNew: 'weaviate',
    progress: { committedBy: [], advance: async () => {} },
    feedback,
    decisions,
    layouts,
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  return galleries
}

/** To the embedded engine. */
async function move(t: TestContext, galleries: Galleries): Promise<void> {
  const { uid } = await galleries.sets.addCopy('moved', 'embedded')
  const { runner } = await openMover(t, galleries)
  const job = { id: 'j', gallery: 'moved', position: 0, source: { setUid: uid, ratePerSecond: 0 } }
  const { signal } = new AbortController()
  const control = { signal, expect: async () => {}, advance: async () => {}, tell() {} }
  await runner.run(job as unknown as JobRecord, control as unknown as JobControl)
}
