/**
 * kill -9 at random moments, repeatedly on one data folder, while clients store, change, delete and ingest pictures,
 * graphs are rebuilt, snapshots are written, or the service is still starting.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { restoreSnapshot } from '../../src/backups/restore.js'
import { seededRandom } from '../../src/eval/random.js'
import { temporaryFolder } from './app.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { handmadeModel } from './handmade-onnx.js'
import { Ledger, type State } from './kill-ledger.js'
import { KilledClient, type Upload } from './killed-client.js'
import { spawnService, startProcess } from './service-process.js'
import { until } from './until.js'

/** The activity added in each round to single writes, which run in every round except the last kind. */
const phases = ['writes', 'ingest', 'snapshot', 'compaction', 'start'] as const
type Phase = (typeof phases)[number]

export interface KillResult {
  kills: Record<Phase, number>
  /** Kills that hit these activities. */
  hit: { job: number; snapshot: number; building: number }
  images: { stored: number; deleted: number }
  jobs: number
  /** Pictures of jobs that were skipped because two kills hit the process while it worked on one of them alone. */
  givenUp: number
  snapshotsRestored: number
  slowestStartMs: number
}

/** Small limits, so that a few hundred pictures involve graphs, their caches and tombstones. */
const settings = {
  EXACT_BELOW: '40',
  GRAPH_CACHE_AFTER_WRITES: '25',
  GRAPH_CACHE_AFTER_SECONDS: '1',
  DATA_SNAPSHOTS_MAX: '3',
}
const churned = 300

export async function runKills(t: TestContext, { kills, seed }: { kills: number; seed: number }): Promise<KillResult> {
  const random = seededRandom(seed)
  const dataDir = await temporaryFolder(t)
  const environment = { ...settings, DATA_DIR: dataDir, MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder }
  const images = await Promise.all(
    Array.from({ length: 120 }, (_, n) => drawImage(drawnLabels[n % 4]!, n, { width: 24, height: 24, format: 'png' })),
  )
  const ledger = new Ledger()
  const uploads: Upload[] = []
  const deletedGalleries = new Set<string>()
  const result: KillResult = {
    kills: { writes: 0, ingest: 0, snapshot: 0, compaction: 0, start: 0 },
    hit: { job: 0, snapshot: 0, building: 0 },
    images: { stored: 0, deleted: 0 },
    jobs: 0,
    givenUp: 0,
    snapshotsRestored: 0,
    slowestStartMs: 0,
  }
  let usualStartMs = 400

  /** Starts it and compares all of its data with everything that was acknowledged. */
  const startAndCompare = async (round: number, when: string, allImages: boolean) => {
    const service = await startProcess(t, environment)
    result.slowestStartMs = Math.max(result.slowestStartMs, service.startMs)
    usualStartMs = service.startMs
    const client = new KilledClient(service.address, images, ledger)
    await client.call('PUT', '/v1/galleries/killed')
    // Before the records are read, so that a job that ends in between is known to have ended.
    for (const upload of uploads.filter(({ ended }) => !ended))
      if (await client.send(upload)) await client.follow(upload)
    if (phases.indexOf('writes') === round % phases.length) await untilEnded(client, uploads)
    const stored = await client.compareRecords(when)
    const some = allImages ? images.keys() : Array.from({ length: 6 }, () => Math.floor(random() * images.length))
    if (uploads.every(({ ended }) => ended)) await client.compareSearches(stored, some, when)
    const { galleries } = (await client.call('GET', '/v1/galleries'))!
    for (const { name } of galleries)
      assert.ok(!deletedGalleries.has(name), `${when}, the deleted gallery ${name} is back`)
    const { snapshots } = (await client.call<{ snapshots: { id: string; state: string }[] }>('GET', '/v1/snapshots'))!
    for (const { id, state } of snapshots) assert.equal(state, 'ready', `${when}, snapshot ${id}`)
    return { service, client, snapshots }
  }

  for (let round = 0; round < kills; round++) {
    const phase = phases[round % phases.length]!
    result.kills[phase]++
    const when = `after kill ${round}`
    if (phase === 'start') {
      const child = spawnService(environment)
      await sleep(random() * usualStartMs)
      child.kill('SIGKILL')
      await once(child, 'exit')
      continue
    }
    const { service, client, snapshots } = await startAndCompare(round, when, round % 40 === 39)
    if (snapshots.length > 0 && round % 10 === 3) {
      await restoreSnapshot(join(dataDir, 'snapshots', snapshots[0]!.id), join(await temporaryFolder(t), 'restored'))
      result.snapshotsRestored++
    }
    const work: Promise<unknown>[] = [
      client.putUntilKilled(`${round}-x`, random),
      client.putUntilKilled(`${round}-y`, random),
      client.deleteUntilKilled(random),
      client.patchUntilKilled(random),
    ]
    let building = false
    if (phase === 'writes') work.push(client.galleriesUntilKilled(round, deletedGalleries))
    if (phase === 'snapshot')
      work.push(client.snapshotUntilKilled().then((writing) => void (result.hit.snapshot += Number(writing))))
    if (phase === 'ingest' || phase === 'compaction') {
      const names =
        phase === 'ingest'
          ? Array.from({ length: 60 }, (_, n) => `job-${round}/${n}.png`)
          : Array.from({ length: churned }, (_, n) => `churned/${n}.png`)
      const upload = await client.makeUpload(
        `${round}`,
        new Map(
          names.map((name): [string, State] => [
            name,
            { image: Math.floor(random() * images.length), label: name.split('/')[0]! },
          ]),
        ),
      )
      uploads.push(upload)
      work.push(client.ingestUntilKilled(upload).then(() => void (result.hit.job += Number(!upload.ended))))
    }
    const watching = (async () => {
      for (;;) {
        const gallery = await client.inGallery('GET', '')
        if (gallery === undefined) return
        building = gallery.index.building
        await sleep(10)
      }
    })()
    // A graph is built for a tenth of a second now and then: kills meant to hit it wait for it.
    for (let waited = 0; phase === 'compaction' && !building && waited < 6_000; waited += 10) await sleep(10)
    // Measured by work done, not by the clock, so that a kill on a slow machine is as effective.
    const enough = client.acknowledged + (phase === 'compaction' ? 0 : random() * 60)
    for (let waited = 0; client.acknowledged < enough && waited < 20_000; waited += 5) await sleep(5)
    await sleep(random() * 60)
    assert.equal(await service.stop('SIGKILL'), 'SIGKILL')
    await Promise.all([...work, watching])
    result.hit.building += Number(building)
  }

  const { service, client } = await startAndCompare(kills, 'before the end', false)
  await untilEnded(client, uploads)
  assert.ok(
    uploads.every(({ ended }) => ended),
    'every accepted job ends',
  )
  await client.compareSearches(await client.compareRecords('at the end'), images.keys(), 'at the end')
  assert.equal(await service.stop('SIGTERM'), 0)
  const givenUp = uploads.reduce((sum, upload) => sum + upload.givenUp, 0)
  assert.ok(2 * givenUp <= kills, `${givenUp} pictures were given up in ${kills} kills`)
  return { ...result, images: ledger.counts(), jobs: uploads.length, givenUp }
}

async function untilEnded(client: KilledClient, uploads: Upload[]): Promise<void> {
  for (const upload of uploads)
    if (!upload.ended) await until(async () => !(await client.follow(upload)), 'the end of an accepted job', 240_000)
}
