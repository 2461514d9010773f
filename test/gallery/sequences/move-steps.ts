/** Galleries that move between engines while calls go on. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ignoring } from '../../../src/errors.js'
import { name, Step, step } from './compared-galleries.js'
import { isCopy, noticeMove, noticeMoves } from './compared-sets.js'
import { pace, setsOf, unlessBusy } from './opened-sets.js'

export function moving(engines: readonly string[]): fc.Arbitrary<Step> {
  return step(
    'move',
    fc.record({ name, engine: fc.constantFrom(...engines), ms: pace }),
    (at, { name, engine, ms }) => {
      setsOf(at.galleries).pace.ms = ms
      return at.of(
        name,
        (galleries) => unlessBusy(() => setsOf(galleries).moves.begin(name, engine)),
        async (plain, answer) => {
          const { isUnderWay } = await noticeMove(at, name, plain)
          const { serving, beside } = plain
          const isElsewhere = beside !== undefined && !(isCopy(plain) && beside.engine === engine)
          const code = serving.engine === engine ? 'move_same_engine' : isElsewhere ? 'set_exists' : undefined
          if (isUnderWay && isCopy(plain)) return answer().catch(ignoring('move_under_way', 'move_same_engine'))
          if (code !== undefined) return assert.rejects(answer(), { code })
          await answer()
          if (beside === undefined) plain.build({ model: serving.model, engine })
        },
      )
    },
  )
}

/** A gallery may have moved at any time. */
export function noticing(steps: fc.Arbitrary<Step>): fc.Arbitrary<Step> {
  return steps.map(
    ({ name, given, take }) =>
      new Step(name, given, async (at) => {
        await noticeMoves(at)
        const { pages } = at
        at.pages = [...pages]
        await take(at)
        // which set those rankings are of is not known
        if (await noticeMoves(at)) at.pages = pages
      }),
  )
}
