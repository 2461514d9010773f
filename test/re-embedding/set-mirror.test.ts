/** One set mirrored to another of the same model, as between engines: nothing is embedded, everything is compared. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { ImageEmbedder } from '../../src/embedding/image-embedder.js'
import { AlikeError } from '../../src/errors.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { catchUp } from '../../src/re-embedding/catching-up.js'
import { compareCopies, stillDiffering } from '../../src/re-embedding/compared-copies.js'
import { differingImages, goneImages } from '../../src/re-embedding/compared-sets.js'
import type { SetMirror } from '../../src/re-embedding/set-mirror.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { useTextForm } from '../../src/text.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages, removeImages } from '../gallery/stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 91 })
const images = Array.from({ length: 450 }, (_, i) =>
  newImage(`p${String(i).padStart(3, '0')}`, makeVector(), { label: i % 2 === 0 ? 'even' : null, metadata: { i } }),
)
const { signal } = new AbortController()
const lock = { isHeld: async () => true }
/** No model is used here. */
const nothing = { embed: () => Promise.reject(new AlikeError('internal')) } as unknown as ImageEmbedder

interface Mirrored {
  galleries: Galleries
  mirror: SetMirror
  setUid: string
}

async function mirrored(t: TestContext): Promise<Mirrored> {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await putImages(galleries.images, 'a', images)
  return mirrorOf(galleries)
}

/** With an empty second set. */
async function mirrorOf(galleries: Galleries): Promise<Mirrored> {
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const uid = randomBytes(8).toString('hex')
  await engineOf(galleries).catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId, dimension, about: {} })
  const { mirror } = await new SetMirrors({ galleries, images: nothing, concurrency: 4 }).of('a', uid)
  return { galleries, mirror, setUid: uid }
}

async function differing(mirror: SetMirror): Promise<string[]> {
  const ids: string[] = []
  for await (const page of differingImages(mirror, signal)) ids.push(...page.differing.map(({ id }) => id))
  return ids
}

async function allOf(mirror: SetMirror, side: 'from' | 'to') {
  const found: unknown[] = []
  for await (const { images: slice } of mirror[side].page({ limit: 1_000 }))
    found.push(...(await mirror[side].whole(slice.map(({ id }) => id))))
  return found
}

test('differences are reported by position, copied unchanged, and then gone', async (t) => {
  const { mirror } = await mirrored(t)
  assert.deepEqual(
    await differing(mirror),
    images.map(({ id }) => id),
  )
  const { lost, again, made } = await mirror.bring(await differing(mirror), { signal })
  assert.deepEqual([lost, again, made], [[], [], images.length])
  assert.deepEqual(await differing(mirror), [])
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))
  assert.equal((await mirror.bring(['p001', 'none'], { signal })).again.length, 0)
})

test('equal pictures are skipped, and the engine is told, because whoever copied them may have died before searches found them', async (t) => {
  const { mirror } = await mirrored(t)
  const skipped: string[][] = []
  Object.assign(mirror.to, { makeFindable: async (ids: string[]) => void skipped.push(ids) })
  await mirror.bring(['p000', 'p002'], { signal })
  assert.deepEqual(skipped, [])
  await mirror.bring(['p001', 'p002', 'none'], { signal })
  assert.deepEqual(skipped, [['p002']])
})

test('changes of every kind are recorded and caught up with, each once', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  await mirror.bring(await differing(mirror), { signal })
  const changed = galleries.writes.follow('a', setUid)
  await putImages(galleries.images, 'a', [
    newImage('new', makeVector()),
    { ...newImage('p001', makeVector()), contentHash: 'another' },
  ])
  await galleries.images.patch('a', 'p002', { label: 'patched', metadata: {} })
  await galleries.images.change('a', [{ patch: 'p005', change: { label: 'line', metadata: { of: 'a job' } } }])
  await removeImages(galleries.images, 'a', ['p003'])
  const decisions = await galleries.decisions('a')
  await decisions.decide({ kind: 'label', decision: 'set-label', label: 'decided', ids: ['p004'], by: 'someone' })
  assert.deepEqual(await differing(mirror), ['new', 'p001', 'p002', 'p004', 'p005'])
  assert.equal((await changed.reading()).count, 6)
  await catchUp({ mirror, changed, lock, signal })
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))

  const change = { merge: { members: { merged: true }, maxBytes: 1_000 } }
  assert.equal(await galleries.images.changeFitting('a', { filter: { field: 'id', in: ['p007', 'p008'] }, change }), 2)
  assert.deepEqual(await differing(mirror), ['p007', 'p008'])
  await catchUp({ mirror, changed, lock, signal })
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))

  await galleries.images.removeFitting('a', { field: 'label', in: ['even'] })
  assert.equal(await changed.isEmpty(), false)
  const gone: string[] = []
  for await (const ids of goneImages(mirror, signal)) gone.push(...ids)
  assert.equal(gone.length, images.filter(({ label }) => label === 'even').length - 2) // p002 and p004 have another label
  await catchUp({ mirror, changed, lock, signal })
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))
})

test('changes are caught up with in whichever Unicode form their ids arrive', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  const [added, replaced, patched, removed] = ['ä', 'ö', 'ü', 'é']
  const asSent = (id: string) => id.normalize('NFD')
  const stored = [replaced, patched, removed].map((id) => newImage(asSent(id!), makeVector()))
  await putImages(galleries.images, 'a', stored)
  await mirror.bring(await differing(mirror), { signal })
  const changed = galleries.writes.follow('a', setUid)
  await galleries.images.putOne('a', { put: newImage(asSent(added!), makeVector()) })
  await putImages(galleries.images, 'a', [{ ...newImage(asSent(replaced!), makeVector()), contentHash: 'another' }])
  await galleries.images.patch('a', asSent(patched!), { label: 'patched' })
  assert.deepEqual(await removeImages(galleries.images, 'a', [asSent(removed!)]), [asSent(removed!)])
  await catchUp({ mirror, changed, lock, signal })
  assert.deepEqual(await differing(mirror), [])
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))
})

test('pictures whose ids and labels were stored in another Unicode form are copied in that form', async (t) => {
  const dataDir = await dataFolder(t)
  const spellings = ['K\u00e4se', 'Ka\u0308se', 'O\u0308l']
  useTextForm('as_is')
  t.after(() => useTextForm('nfc'))
  const former = await openIn(t, dataDir)
  await former.create('a')
  await putImages(
    former.images,
    'a',
    spellings.map((name) => newImage(name, makeVector(), { label: name })),
  )
  await former.close()
  useTextForm('nfc')
  const galleries = await openIn(t, dataDir)
  const { mirror } = await mirrorOf(galleries)
  for (let run = 0; run < 2; run++) {
    await mirror.bring(await differing(mirror), { signal })
    for await (const gone of goneImages(mirror, signal)) await mirror.bring(gone, { signal })
  }
  assert.deepEqual(await differing(mirror), [])
  assert.deepEqual(await allOf(mirror, 'to'), await allOf(mirror, 'from'))
  assert.equal((await mirror.to.state()).images, spellings.length)
})

test('a picture replaced while being copied is not written in its old form, and is copied again', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  const changed = galleries.writes.follow('a', setUid)
  const ids = images.slice(0, 40).map(({ id }) => id)
  const replacements = ids.map((id) => ({ ...newImage(id, makeVector()), contentHash: `new ${id}` }))
  const [brought] = await Promise.all([mirror.bring(ids, { signal }), putImages(galleries.images, 'a', replacements)])
  await changed.note(brought.again)
  await catchUp({ mirror, changed, lock, signal })
  const there = await mirror.to.find(ids)
  assert.deepEqual(
    there.map(({ contentHash }) => contentHash),
    ids.map((id) => `new ${id}`),
  )
})

test('a set that begins to serve answers like its predecessor, whose searches in progress continue', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  const changed = galleries.writes.follow('a', setUid)
  await mirror.bring(await differing(mirror), { signal })
  const before = await galleries.searches.serving('a')
  const [vector, former] = [images[7]!.vector, await galleries.sets.serving('a')]
  await galleries.sets.serve('a', setUid, { about: {}, catchUp: () => catchUp({ mirror, changed, lock, signal }) })
  assert.equal((await galleries.sets.serving('a')).uid, setUid)
  const idsIn = async (where: 'a' | typeof before) =>
    (await galleries.searches.search(where, { vector, k: 20, exact: true })).hits.map(({ record }) => record.id)
  const found = await idsIn('a')
  assert.deepEqual(await idsIn(before), found)
  await removeImages(galleries.images, 'a', [found[0]!])
  assert.deepEqual([(await idsIn('a'))[0], (await idsIn(before))[0]], [found[1], found[0]])
  await assert.rejects(galleries.sets.remove('a', { uid: setUid, engine: 'embedded' }), { code: 'set_in_use' })
  await galleries.sets.remove('a', { uid: former.uid, engine: 'embedded' })
  assert.deepEqual(
    (await galleries.sets.list('a')).map(({ uid, stage }) => [uid, stage]),
    [[setUid, 'serving']],
  )
  await putImages(galleries.images, 'a', [newImage('after', vector)])
  assert.equal((await galleries.get('a')).count, images.length)
})

test('a search that names the model of both sets is answered by the one that serves', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  const idsOf = async () => (await galleries.searches.ofSet('a', model.id)).setUids
  const { uid } = await galleries.sets.serving('a')
  assert.deepEqual(await idsOf(), [uid])
  await mirror.bring(await differing(mirror), { signal })
  await galleries.sets.serve('a', setUid, { about: {}, catchUp: async () => {} })
  assert.deepEqual(await idsOf(), [setUid])
})

test('a decision started before another set serves is applied to that one', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  await mirror.bring(await differing(mirror), { signal })
  const decisions = await galleries.decisions('a')
  await galleries.sets.serve('a', setUid, { about: {}, catchUp: async () => {} })
  await decisions.decide({ kind: 'label', decision: 'set-label', label: 'decided', ids: ['p004'], by: 'someone' })
  assert.equal((await galleries.images.get('a', 'p004'))?.label, 'decided')
})

test('work that fails at the gate leaves the gallery unchanged, and writes continue', async (t) => {
  const { galleries, setUid } = await mirrored(t)
  const { uid } = await galleries.sets.serving('a')
  const catching = () => Promise.reject(new AlikeError('storage_full'))
  await assert.rejects(galleries.sets.serve('a', setUid, { about: {}, catchUp: catching }), { code: 'storage_full' })
  assert.equal((await galleries.sets.serving('a')).uid, uid)
  await putImages(galleries.images, 'a', [newImage('after', images[0]!.vector)])
})

test('work started beside a set that now serves takes nothing of what was written since', async (t) => {
  const { galleries, mirror, setUid } = await mirrored(t)
  await mirror.bring(await differing(mirror), { signal })
  await galleries.sets.serve('a', setUid, { about: {}, catchUp: async () => {} })
  await putImages(galleries.images, 'a', [newImage('since', makeVector())])
  await galleries.images.patch('a', 'p001', { label: 'since' })
  await assert.rejects(mirror.bring(['since'], { signal }), { code: 'set_in_use' })
  await assert.rejects(mirror.bring(['p001'], { signal }), { code: 'set_in_use' })
  const there = await galleries.images.find('a', ['since', 'p001'])
  assert.deepEqual(
    there.map(({ id, label }) => [id, label ?? null]),
    [
      ['since', null],
      ['p001', 'since'],
    ],
  )
})

test('a write that waited for its engine is not made once another process may have taken the place of this one', async (t) => {
  const { galleries, mirror } = await mirrored(t)
  let isHeld = true
  const change = galleries.sets.changeImages.bind(galleries.sets)
  galleries.sets.changeImages = async (...given) => {
    if (!isHeld) return change(...given)
    isHeld = false
    throw new AlikeError('engine_unreachable', { retryAfterSeconds: 0.01 })
  }
  const bringing = mirror.bring(['p001'], { signal, lock: { isHeld: async () => isHeld } })
  await assert.rejects(bringing, { code: 'store_unreachable' })
  assert.deepEqual(await mirror.to.find(['p001']), [])
})

test("a picture's reference is copied, compared, and removed from the copy too", async (t) => {
  const { galleries, mirror } = await mirrored(t)
  const content = { contentHash: 'of a picture' }
  const image = { ...newImage('lies', makeVector()), ...content, reference: 'https://example.org/1' }
  await putImages(galleries.images, 'a', [image])
  await mirror.bring([...images.map(({ id }) => id), 'lies'], { signal })
  assert.equal((await mirror.to.find(['lies']))[0]?.reference, image.reference)
  const compared = () => compareCopies(mirror, { signal, onLooked() {} })
  const same = await compared()
  assert.deepEqual([[...same.differing], same.copy], [[], same.serving])

  await putImages(galleries.images, 'a', [{ ...image, reference: 'https://example.org/2' }])
  const [now] = await mirror.from.find(['lies'])
  const { vector, thumbnail } = (await mirror.from.whole(['lies']))[0]!
  const { createdAt, updatedAt } = now!
  const unlike = { ...image, vector, createdAt, updatedAt, ...(thumbnail && { thumbnail }) }
  await mirror.to.change([{ put: unlike }])
  assert.deepEqual([...(await compared()).differing], ['lies'])

  // the same content again, now without a reference
  await removeImages(galleries.images, 'a', ['lies'])
  await putImages(galleries.images, 'a', [{ ...newImage('lies', makeVector()), ...content }])
  await mirror.bring(['lies'], { signal })
  assert.equal((await mirror.to.find(['lies']))[0]?.reference, undefined)
  assert.deepEqual(await stillDiffering(mirror, ['lies']), [])
})
