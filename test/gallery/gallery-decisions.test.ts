/** A decision whose caller is told that it failed is not applied behind their back, not even by the next process. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import type { DecisionStore } from '../../src/gallery/decisions.js'
import type { OpenSet } from '../../src/gallery/engine.js'
import { GalleryDecisions } from '../../src/gallery/gallery-decisions.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from './stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 7 })
const ids = ['one', 'two', 'three']
const relabelling = { kind: 'label', decision: 'set-label', label: 'after', ids, by: 'someone' } as const
const keeping = { kind: 'copies', decision: 'keep-one', keep: 'one', ids, by: 'someone' } as const
const refused = () => Promise.reject(new AlikeError('overloaded'))

/** What another caller, who has the same decision, meets and does. */
interface BesideIt {
  beside?: (images: OpenSet) => Partial<OpenSet>
  /** Once the decision is stored, and before it is held. */
  afterAdding?: (another: GalleryDecisions) => unknown
  /** Of the first caller. */
  firstHold?: () => Promise<undefined>
  /** Whether the first caller still has its lock. */
  isHeld?: () => boolean
}

/** Decisions about a gallery, some of whose changes are refused. */
async function withRefusals(
  t: TestContext,
  refusing: (images: OpenSet, another: GalleryDecisions) => Partial<OpenSet>,
  { beside, afterAdding, firstHold, isHeld }: BesideIt = {},
) {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  await putImages(
    galleries.images,
    'a',
    ids.map((id) => newImage(id, makeVector(), { label: 'before' })),
  )
  const { galleryUid, ...serving } = await galleries.sets.serving('a')
  const opened = await engineOf(galleries).open({ galleryUid, ...serving })
  const set = {
    find: (asked: readonly string[]) => opened.find(asked),
    patch: (id: string, change: { label?: string | null }) => opened.patch(id, change),
    change: (steps: Parameters<OpenSet['change']>[0]) => opened.change(steps),
  }
  const held = new Set<number>()
  const hold = async (number: number) => {
    if (held.has(number)) return undefined
    held.add(number)
    return { isHeld: async () => true, release: async () => held.delete(number) }
  }
  const { decisions: store } = engineOf(galleries)
  const besides = { ...set, ...beside?.(opened) }
  const another = new GalleryDecisions({ galleryUid, store, tryHold: hold, set: besides })
  let added = 0
  const ordered: DecisionStore = {
    add: async (...given) => {
      const stored = await store.add(...given)
      if (added++ === 0) await afterAdding?.(another)
      return stored
    },
    settle: (...given) => store.settle(...given),
    page: (...given) => store.page(...given),
    remove: (...given) => store.remove(...given),
    unsettled: (...given) => store.unsettled(...given),
  }
  const refusals = { ...set, ...refusing(opened, another) }
  const holdFirst = async (number: number) => {
    const lock = await hold(number)
    return lock && { ...lock, isHeld: async () => isHeld?.() ?? true }
  }
  const decisions = new GalleryDecisions({ galleryUid, store: ordered, tryHold: firstHold ?? holdFirst, set: refusals })
  /** As the next process finds it, once it has applied what was left to it. */
  const later = async () => {
    await galleries.close()
    const again = await openIn(t, dataDir)
    const images = await again.images.find('a', ids)
    const listed = await (await again.decisions('a')).page(0, 10)
    return { images: images.map(({ id, label }) => `${id} ${label}`), listed: listed.map(({ decision }) => decision) }
  }
  return { decisions, later, store, galleryUid }
}

const unchanged = ids.map((id) => `${id} before`)

test('copies whose deletion is refused stay, and the decision is gone', async (t) => {
  const { decisions, later } = await withRefusals(t, () => ({ change: refused }))
  await assert.rejects(decisions.decide(keeping), { code: 'overloaded' })
  assert.deepEqual(await later(), { images: unchanged, listed: [] })
})

test('a copy that is replaced just before it would be deleted stays', async (t) => {
  const { decisions, later } = await withRefusals(t, (set) => ({
    change: async (steps) => {
      await set.change([{ put: newImage('two', makeVector(), { contentHash: 'another', label: 'new' }) }])
      return set.change(steps)
    },
  }))
  await decisions.decide(keeping)
  assert.deepEqual(await later(), { images: ['one before', 'two new'], listed: ['keep-one'] })
})

test('a label that is changed just before it would be set stays', async (t) => {
  const { decisions, later } = await withRefusals(t, (set) => ({
    patch: async (id, change) => {
      if (id === 'two') await set.patch(id, { label: 'meanwhile' })
      return set.patch(id, change)
    },
  }))
  await decisions.decide(relabelling)
  const images = ['one after', 'two meanwhile', 'three after']
  assert.deepEqual(await later(), { images, listed: ['set-label'] })
})

test('a process that starts applies no decision that another one is applying, and may give up', async (t) => {
  const { decisions, later } = await withRefusals(t, (_, another) => ({
    change: async () => {
      await another.finishUnsettled()
      return refused()
    },
  }))
  await assert.rejects(decisions.decide(keeping), { code: 'overloaded' })
  assert.deepEqual(await later(), { images: unchanged, listed: [] })
})

test('if one of several labels is refused, the others are restored', async (t) => {
  const { decisions, later } = await withRefusals(t, (set) => ({
    patch: (id, change) => (id === 'two' ? refused() : set.patch(id, change)),
  }))
  await assert.rejects(decisions.decide(relabelling), { code: 'overloaded' })
  assert.deepEqual(await later(), { images: unchanged, listed: [] })
})

test('a decision that its repetition took over and gave up is stored again before it is applied', async (t) => {
  const { decisions, later } = await withRefusals(t, () => ({}), {
    beside: () => ({ patch: refused }),
    afterAdding: (another) => assert.rejects(another.decide(relabelling), { code: 'overloaded' }),
  })
  const { number } = await decisions.decide(relabelling)
  assert.equal(number, 2)
  const images = ids.map((id) => `${id} after`)
  assert.deepEqual(await later(), { images, listed: ['set-label'] })
})

test('a decision that its repetition applied stays, even if its first caller is told that it failed', async (t) => {
  let refusals = 0
  const { decisions, later } = await withRefusals(
    t,
    (set) => ({ find: (asked) => (refusals-- > 0 ? refused() : set.find(asked)) }),
    {
      afterAdding: async (another) => {
        await another.decide(relabelling)
        refusals = 1
      },
    },
  )
  await assert.rejects(decisions.decide(relabelling), { code: 'overloaded' })
  const images = ids.map((id) => `${id} after`)
  assert.deepEqual(await later(), { images, listed: ['set-label'] })
})

test('a decision that its repetition is applying is not given up by its first caller, who cannot hold it', async (t) => {
  const steps = new EventEmitter()
  const [begun, refusedFirst] = [once(steps, 'begun'), once(steps, 'refused')]
  let repeated: Promise<unknown> | undefined
  const { decisions, later } = await withRefusals(t, () => ({}), {
    beside: (set) => ({
      patch: async (id, change) => {
        steps.emit('begun')
        await refusedFirst
        return set.patch(id, change)
      },
    }),
    afterAdding: async (another) => {
      repeated = another.decide(relabelling)
      await begun
    },
    firstHold: refused,
  })
  await assert.rejects(decisions.decide(relabelling), { code: 'overloaded' })
  steps.emit('refused')
  await repeated
  const images = ids.map((id) => `${id} after`)
  assert.deepEqual(await later(), { images, listed: ['set-label'] })
})

for (const [what, refusing] of [
  ['applied', () => ({})],
  [
    'failed to apply',
    (set: OpenSet) => ({ patch: (id, change) => (id === 'two' ? refused() : set.patch(id, change)) }),
  ],
] as [string, (set: OpenSet) => Partial<OpenSet>][])
  test(`a decision that a process has ${what} is neither settled nor revoked by it once its lock is lost`, async (t) => {
    const { decisions, later, store, galleryUid } = await withRefusals(t, refusing, { isHeld: () => false })
    await assert.rejects(decisions.decide(relabelling), {
      code: what === 'applied' ? 'store_unreachable' : 'overloaded',
    })
    assert.equal((await store.unsettled(galleryUid)).length, 1, 'it is left to whoever holds it now')
    assert.deepEqual(await later(), { images: ids.map((id) => `${id} after`), listed: ['set-label'] })
  })

test('a decision whose lock is lost while it is given up is left to whoever holds it now', async (t) => {
  let isHeld = true
  const { decisions, store, galleryUid } = await withRefusals(
    t,
    (set) => ({
      patch: (id, change) => {
        if (change.label === 'before') isHeld = false
        return id === 'two' ? refused() : set.patch(id, change)
      },
    }),
    { isHeld: () => isHeld },
  )
  await assert.rejects(decisions.decide(relabelling), { code: 'overloaded' })
  assert.equal((await store.unsettled(galleryUid)).length, 1)
})

test('a decision whose lock is lost while it is revoked stays in the list', async (t) => {
  let isHeld = true
  const { decisions, later } = await withRefusals(t, () => ({}), { isHeld: () => isHeld })
  const { number } = await decisions.decide(relabelling)
  isHeld = false
  await assert.rejects(decisions.takeBack(number), { code: 'store_unreachable' })
  assert.deepEqual((await later()).listed, ['set-label'])
})

test('what can be neither applied nor restored is listed, and left as it is', async (t) => {
  const { decisions, later } = await withRefusals(t, (set) => ({
    patch: (id, change) => (id === 'one' && change.label === 'after' ? set.patch(id, change) : refused()),
  }))
  await assert.rejects(decisions.decide(relabelling), { code: 'overloaded' })
  const images = ['one after', 'two before', 'three before']
  assert.deepEqual(await later(), { images, listed: ['set-label'] })
})

test('a decision that is revoked while it is being applied has no effect in the end', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await putImages(
    galleries.images,
    'a',
    ids.map((id) => newImage(id, makeVector(), { label: 'before' })),
  )
  const opened = await engineOf(galleries).open({ ...(await galleries.sets.serving('a')) })
  const patch = opened.patch.bind(opened)
  let revoked: Promise<void> | undefined
  const revoke = async () => {
    const decisions = await galleries.decisions('a')
    await decisions.takeBack((await decisions.page(0, 1))[0]!.number)
  }
  t.mock.method(opened, 'patch', async (...change: Parameters<typeof patch>) => {
    revoked ??= revoke()
    await Promise.race([revoked, sleep(100)]) // it waits for the decision
    return patch(...change)
  })
  await (await galleries.decisions('a')).decide(relabelling)
  await revoked
  const images = await galleries.images.find('a', ids)
  assert.deepEqual(
    images.map(({ id, label }) => `${id} ${label}`),
    unchanged,
  )
  assert.deepEqual(await (await galleries.decisions('a')).page(0, 10), [])
})
