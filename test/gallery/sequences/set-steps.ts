/** Galleries whose other set is built, searched, switched to and removed, while calls go on. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hasCode } from '../../../src/errors.js'
import { type ComparedGalleries, name, names, type Step, step } from './compared-galleries.js'
import {
  compareCaughtUp,
  compareSets,
  isCopy,
  noticeMoves,
  toldBeside,
  untilFilled,
  untilFilledFurther,
} from './compared-sets.js'
import { maybe } from './drawn-values.js'
import { compareEverything } from './gallery-steps.js'
import { models, type SetModel } from './models.js'
import { pace, setsOf, unlessBusy } from './opened-sets.js'
import { pictureOf, pictures, scoreOf } from './pictures.js'
import { matches } from './plain-filter.js'
import type { PlainSet } from './plain-set.js'
import { asked, compareSearchesOf, page, search, searchOne } from './searching-steps.js'
import { image, putAll, writingSteps } from './writing-steps.js'

/** Ids of images that are stored before anything else, so that a set is filled in several groups. */
const filledIds = Array.from({ length: 50 }, (_, i) => `fill ${i}`)
const rounding = 1e-5

export const fill = step('fill', fc.array(image, { minLength: 1, maxLength: 5 }), (at, said) =>
  putAll(at, names[0], filledIds, said),
)

/** One of a gallery's two sets, more often the one that does not serve. */
const which = { name, isServing: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)) }

function modelAt(at: ComparedGalleries, { name, isServing }: { name: string; isServing: boolean }): SetModel {
  const serving = at.modelOf(name)
  return isServing ? serving : models.find((one) => one !== serving)!
}

const build = step('build', fc.record({ ...which, ms: pace }), (at, { ms, ...asked }) => {
  const model = modelAt(at, asked)
  setsOf(at.galleries).pace.ms = ms
  return at.of(
    asked.name,
    (galleries) => unlessBusy(() => setsOf(galleries).sets.build(asked.name, model.id)),
    async (plain, answer) => {
      if (asked.isServing || isCopy(plain)) return assert.rejects(answer(), { code: 'set_exists' })
      await answer()
      if (plain.beside === undefined) plain.build({ model, engine: plain.serving.engine })
    },
  )
})

const exchanged = { ...which, force: fc.boolean() }
const exchange = step('switch', fc.record(exchanged), exchangeAmid)
const exchangeFilled = step(
  'switch once filled',
  fc.record({ ...exchanged, amid: maybe(fc.oneof(writingSteps, searchOne)) }),
  async (at, asked) => {
    await untilFilled(at, asked.name)
    await exchangeAmid(at, asked)
  },
)

function exchangeAmid(
  at: ComparedGalleries,
  { name, isServing, force, amid }: { name: string; isServing: boolean; force: boolean; amid?: Step | undefined },
): Promise<void> {
  return at.of(
    name,
    (galleries) => unlessBusy(() => setsOf(galleries).sets.serve(name, modelAt(at, { name, isServing }).id, { force })),
    async (plain, answer) => {
      if (isServing) return answer() // a copy is not switched to
      if (plain.beside === undefined || isCopy(plain)) return assert.rejects(answer(), { code: 'set_not_found' })
      const { stage, job } = await toldBeside(at.galleries, name)
      const before = new Map(plain.images)
      const [refused] = await Promise.all([refusalOf(answer()), amid?.take(at)])
      if (refused === 'gate_not_passed') return assert.ok(!force && stage !== 'kept')
      if (refused === 'set_not_ready') return assert.ok(stage === 'building' || job !== undefined)
      plain.exchange(before)
      await compareEverything(at)
    },
  )
}

const remove = step('remove set', fc.record(which), (at, asked) => {
  const model = modelAt(at, asked)
  return at.of(
    asked.name,
    (galleries) => unlessBusy(() => setsOf(galleries).sets.remove(asked.name, model.id)),
    async (plain, answer) => {
      if (plain.beside?.model !== model)
        return assert.rejects(answer(), { code: asked.isServing ? 'set_in_use' : 'set_not_found' })
      await answer()
      await noticeMoves(at)
      const { beside } = plain
      const isOfIt = ({ model, engine }: PlainSet) => model === beside.model && engine === beside.engine
      for (const open of at.pages)
        open.hasExpired ||= open.names.some((one, i) => one === asked.name && isOfIt(open.sets[i]!))
      plain.beside = undefined
    },
  )
})

/** The other set may lag behind. */
const searchSet = step(
  'search in set',
  fc.record({ name, isServing: fc.boolean(), asked, ...page }),
  (at, { name, isServing, asked, ...page }) => {
    const set = modelAt(at, { name, isServing })
    return at.of(
      name,
      (galleries) => search(galleries, name, { ...asked, set }, { k: page.k }),
      async (plain, answer) => {
        if (isServing) return compareSearchesOf(at, name, set)
        if (plain.beside === undefined || isCopy(plain)) return assert.rejects(answer(), { code: 'set_not_found' })
        const { stage } = await toldBeside(at.galleries, name)
        if (stage === 'building') return
        const { hits, groups = [] } = await answer()
        for (const { record, score, similarity = score } of [...hits, ...groups.flatMap(({ hits }) => hits)]) {
          const found = pictureOf(record.contentHash)
          assert.ok(Math.abs(similarity - scoreOf(pictures[asked.picture]!.vector, found.vector)) < rounding)
          const fits = plain.beside.mayShow(
            record.id,
            (one) => one.picture === found && (asked.filter === undefined || matches(one, asked.filter)),
          )
          assert.ok(fits, `${record.id} is found as it no longer was when it was last seen`)
        }
      },
    )
  },
)

const look = step('look into sets', fc.constant({}), compareSets)

const catchUp = step('catch up', fc.record({ name }), async (at, { name }) => {
  const plain = at.plain.get(name)
  if (plain !== undefined) await compareCaughtUp(at, name, plain)
})

const fillOn = step('fill on', fc.record({ name }), (at, { name }) => untilFilledFurther(at, name))

/** Those that change which sets there are. */
export const setChanges: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: build },
  { weight: 2, arbitrary: exchange },
  remove,
)

export const setReadings: fc.Arbitrary<Step> = fc.oneof(look, searchSet, catchUp)

export const setSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: setChanges },
  { weight: 4, arbitrary: exchangeFilled },
  { weight: 9, arbitrary: setReadings },
  { weight: 4, arbitrary: fillOn },
)

async function refusalOf(call: Promise<void>): Promise<string | undefined> {
  try {
    return void (await call)
  } catch (error) {
    if (hasCode(error, 'set_not_ready', 'gate_not_passed')) return error.code
    throw error
  }
}
