/**
 * kill -9 at random moments: of the service while a gallery in Weaviate gets another embedding set, and of the service and the server while
 * a gallery moves there and back. `WEAVIATE_KILLS` sets how often each, `LONG_SEED` at which moments.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'
import { gallery, type KillCounts, KilledGallery } from '../engines/weaviate/killed-gallery.js'
import type { Job } from '../support/jobs.js'
import { recordResult, setting } from '../support/long-report.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'

const kills = setting('WEAVIATE_KILLS', 20)
const seed = setting('LONG_SEED', 20_261_129)
/** Pictures per second of a job; 0: unlimited. */
const rates = [0, 0, 100, 300]

interface Result extends KillCounts {
  /** To another set, or engine. */
  switches: number
  stored: number
}

async function killBuilds(t: TestContext, random: () => number): Promise<Result> {
  const { killed, models } = await KilledGallery.open(t, random, { DEFAULT_ENGINE: 'weaviate' })
  let switches = 0
  const sides = async () => {
    const sets = await killed.sets()
    const serving = sets.find(({ state }) => state === 'serving')!.modelId
    return {
      serving,
      model: models.find((one) => one !== serving)!,
      set: sets.find(({ state }) => state !== 'serving'),
    }
  }
  const build = async () => {
    const { model, set } = await sides()
    if (set?.job !== undefined) return
    if (set !== undefined && set.state !== 'building' && random() < 0.4) {
      const { status } = await killed.call('PUT', `${gallery}/serving`, { model, force: true })
      switches += Number(status === 200)
      return
    }
    if (set !== undefined && set.state !== 'building') await killed.call('DELETE', `${gallery}/sets/${model}`)
    const ratePerSecond = rates[Math.floor(random() * rates.length)]
    await killed.call('POST', `${gallery}/sets`, { model, ratePerSecond })
  }
  const switchSets = async () => {
    await killed.untilJobsEnded()
    const { serving, model, set } = await sides()
    if (set === undefined || set.state === 'building') {
      const { status, given } = await killed.call<Job>('POST', `${gallery}/sets`, { model })
      assert.equal(status, 202, JSON.stringify(given))
      assert.equal((await killed.untilEnded(given.id)).state, 'succeeded')
    }
    await killed.expectComplete()
    assert.equal((await killed.call('PUT', `${gallery}/serving`, { model, force: true })).status, 200)
    switches++
    await killed.expectIntact()
    assert.equal((await killed.call('DELETE', `${gallery}/sets/${serving}`)).status, 204)
    await killed.expectComplete()
  }
  for (let n = 1; n <= kills; n++) {
    await killed.kill(build, { withServer: false })
    await killed.expectIntact()
    if (n % 5 === 0 || n === kills) await switchSets()
  }
  return { ...killed.counts, switches, stored: await killed.close() }
}

async function killMoves(t: TestContext, random: () => number): Promise<Result> {
  const { killed, models } = await KilledGallery.open(t, random)
  let switches = 0
  const engineNow = async () => (await killed.call<{ engine: string }>('GET', gallery)).given.engine
  const move = async () => {
    const engine = (await engineNow()) === 'weaviate' ? 'embedded' : 'weaviate'
    const ratePerSecond = rates[Math.floor(random() * rates.length)]
    await killed.call('POST', `${gallery}/move`, { engine, ratePerSecond })
  }
  for (let [n, engine] = [1, await engineNow()]; n <= kills; n++) {
    await killed.kill(move, { withServer: true })
    await killed.expectIntact()
    if (n % 3 > 0 && n < kills) continue
    await killed.untilJobsEnded()
    await killed.expectComplete()
    await killed.expectIntact()
    const now = await engineNow()
    switches += Number(now !== engine)
    engine = now
    // otherwise the next move back copies nothing
    if (random() < 0.7) await killed.call('DELETE', `${gallery}/sets/${models[0]}`)
    await killed.expectComplete()
  }
  return { ...killed.counts, switches, stored: await killed.close() }
}

test('nothing acknowledged is lost or stays unfound when the service, or the server with it, is killed', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const rows: [string, Result][] = []
  for (const [what, run] of [
    ['the service, while a new set is built', killBuilds],
    ['service and server, while a gallery moves', killMoves],
  ] as const)
    await t.test(what, async (inner) => void rows.push([what, await run(inner, seededRandom(seed))]))
  await recordResult('kill in weaviate', {
    question:
      'Is a gallery in Weaviate intact after kill -9: everything acknowledged stored, found by the server’s graph, and no collection left behind?',
    facts: { 'kills of each kind': kills, seed, 'lost, or not found in the end': 0 },
    table: {
      head: ['killed', 'of which during a job', 'switches', 'half stored, found later', 'failed jobs', 'pictures'],
      rows: rows.map(([what, { duringJob, switches, halfStored, failedJobs, stored }]) => [
        what,
        duringJob,
        switches,
        halfStored,
        failedJobs.join(', ') || 'none',
        stored,
      ]),
    },
  })
})
