/**
 * kill -9 at random moments: of the service while a gallery in Weaviate gets another embedding set, and of the service and the server while
 * a gallery moves there and back. `WEAVIATE_KILLS` sets how often each, `LONG_SEED` at which moments.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'
import { gallery, type KillCounts, KilledGallery } from '../engines/weaviate/killed-gallery.js'
import { KilledParts, type KilledPartsOptions } from '../engines/weaviate/killed-parts.js'
import { KilledUploads } from '../engines/weaviate/killed-uploads.js'
import { PassingGalleries } from '../engines/weaviate/passing-galleries.js'
import type { Job } from '../support/jobs.js'
import { recordResult, setting } from '../support/long-report.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'

const kills = setting('WEAVIATE_KILLS', 20)
const seed = setting('LONG_SEED', 20_261_129)
/** Pictures per second of a job; 0: unlimited. */
const rates = [0, 0, 100, 300]

type Opened = NonNullable<Awaited<ReturnType<typeof KilledGallery.open>>>

interface Result extends KillCounts {
  /** To another set, or engine. */
  switches: number
  stored: number
}

/** Gives the gallery other sets, and lets them serve. */
function setChanges({ killed, models }: Opened, random: () => number) {
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
  const complete = async (model: string) => {
    const { status, given } = await killed.call<Job>('POST', `${gallery}/sets`, { model })
    assert.equal(status, 202, JSON.stringify(given))
    assert.equal((await killed.untilEnded(given.id)).state, 'succeeded')
  }
  return {
    switches: () => switches,
    async build() {
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
    },
    /** Asks again for a set whose request a kill interrupted. */
    async completeSet() {
      await killed.untilJobsEnded()
      const { set } = await sides()
      if (set?.state === 'building') await complete(set.modelId)
      await killed.expectComplete()
    },
    async switchSets() {
      await killed.untilJobsEnded()
      const { serving, model, set } = await sides()
      if (set === undefined || set.state === 'building') await complete(model)
      await killed.expectComplete()
      const { status, given } = await killed.call('PUT', `${gallery}/serving`, { model, force: true })
      assert.equal(status, 200, JSON.stringify(given))
      switches++
      await killed.expectIntact()
      assert.equal((await killed.call('DELETE', `${gallery}/sets/${serving}`)).status, 204)
      await killed.expectComplete()
    },
  }
}

async function killBuilds(t: TestContext, random: () => number): Promise<Result> {
  const alone = (options: KilledPartsOptions) => KilledParts.single(options, { withServer: false })
  const opened = (await KilledGallery.open(t, random, alone, { DEFAULT_ENGINE: 'weaviate' }))!
  const { killed } = opened
  const sets = setChanges(opened, random)
  for (let n = 1; n <= kills; n++) {
    await killed.kill(sets.build)
    await killed.expectIntact()
    if (n % 5 === 0 || n === kills) await sets.switchSets()
  }
  return { ...killed.counts, switches: sets.switches(), stored: await killed.close() }
}

/** While pictures, jobs, other galleries and sets change. */
async function killEverything(t: TestContext, random: () => number): Promise<Result | undefined> {
  const opened = await KilledGallery.open(t, random, KilledParts.shared, { DEFAULT_ENGINE: 'weaviate' })
  if (opened === undefined) return undefined
  const { killed } = opened
  const sets = setChanges(opened, random)
  const uploads = new KilledUploads(killed, random)
  const passing = new PassingGalleries(killed, random)
  for (let n = 1; n <= kills; n++) {
    const build = () => (random() < 0.5 ? sets.build() : Promise.resolve())
    await killed.kill(
      build,
      () => uploads.sendUntilKilled(),
      () => passing.passUntilKilled(),
    )
    await passing.expectAsAcknowledged()
    await killed.expectIntact()
    if (n % 4 > 0 && n < kills) continue
    await uploads.untilEnded()
    await killed.expectIntact()
    if (random() < 0.5 || n === kills) await sets.switchSets()
    else await sets.completeSet()
    await killed.parts.expectNothingLeft()
  }
  t.diagnostic(
    JSON.stringify({
      ...passing.acknowledged,
      jobs: uploads.done,
      vainStarts: killed.parts.vain,
      spared: killed.parts.spared,
      uploadsLeft: killed.parts.uploadsLeft,
    }),
  )
  return { ...killed.counts, switches: sets.switches(), stored: await killed.close() }
}

async function killMoves(t: TestContext, random: () => number): Promise<Result> {
  const both = (options: KilledPartsOptions) => KilledParts.single(options, { withServer: true })
  const { killed, models } = (await KilledGallery.open(t, random, both))!
  let switches = 0
  const engineNow = async () => (await killed.call<{ engine: string }>('GET', gallery)).given.engine
  const move = async () => {
    const engine = (await engineNow()) === 'weaviate' ? 'embedded' : 'weaviate'
    const ratePerSecond = rates[Math.floor(random() * rates.length)]
    await killed.call('POST', `${gallery}/move`, { engine, ratePerSecond })
  }
  for (let [n, engine] = [1, await engineNow()]; n <= kills; n++) {
    await killed.kill(move)
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
  const only = process.env.WEAVIATE_KILLS_OF ?? ''
  for (const [what, run] of [
    ['the service, while a new set is built', killBuilds],
    ['service and server, while a gallery moves', killMoves],
    ['two processes, PostgreSQL, the bucket and the server', killEverything],
  ] as const)
    await t.test(what, { skip: !what.includes(only) }, async (inner) => {
      const result = await run(inner, seededRandom(seed))
      if (result !== undefined) rows.push([what, result])
    })
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
