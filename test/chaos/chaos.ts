/**
 * Kills or cuts off every part of a distributed deployment once, while clients search and write and a job takes in
 * pictures. `npm run test:chaos` runs three Weaviate nodes in separate networks (Linux, root), `-- --short` one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordResult } from '../support/long-report.js'
import { skipWithoutS3 } from '../support/s3-server.js'
import { until } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { type AlikeStack, expectReady, pause, startStack } from './alike-stack.js'
import { startClients } from './clients.js'
import { type Fault, faultsOf } from './faults.js'
import { expectAllFound, listedHashes } from './final-checks.js'
import { drawnPictures, type IngestedJob, sendJob } from './ingested-job.js'
import { codesOf, mean, percentile, recallWanted, type Sample, Samples } from './samples.js'
import { areSound, replicaCounts } from './weaviate-nodes.js'
import { WrittenGallery } from './written-gallery.js'

const nodes = Number(process.env.CHAOS_NODES ?? 1)
const isShort = process.env.CHAOS_SHORT === '1'
const only = process.env.CHAOS_ONLY
const gallery = '/v1/galleries/chaos'
/** Enough for Weaviate to search its graph instead of comparing all. */
const filled = isShort ? 600 : 4_200
/** Generous, for crowded machines. */
const patientlyMs = 600_000

interface Run {
  stack: AlikeStack
  samples: Samples
  written: WrittenGallery
  jobs: IngestedJob[]
  /** Faults with too little recall: told once everything that is stored has been compared. */
  shortfalls: string[]
}

type Row = (string | number)[]

test('nothing acknowledged is lost, whatever is killed', {
  skip: skipWithoutWeaviate || skipWithoutS3,
}, async (t) => {
  const stack = await startStack(t, nodes)
  if (stack === undefined) return
  const run: Run = { stack, samples: new Samples(), written: new WrittenGallery(), jobs: [], shortfalls: [] }
  assert.equal((await stack.balanced.ask({ method: 'PUT', path: gallery })).is, 'answered')
  await fill(run)
  const clients = startClients({ balanced: stack.balanced, gallery, ...run })
  t.after(() => void clients.end())
  const rows = [await watched(run, { name: 'nothing', jobPictures: 0, happen: () => pause(isShort ? 3_000 : 15_000) })]
  for (const fault of faultsOf(nodes, isShort))
    if (only === undefined || fault.name.includes(only)) rows.push(await watched(run, fault))
  await clients.end()
  const counts = await finalCounts(run)
  for (const [message, count] of stack.warnings()) t.diagnostic(`${count} × ${message}`)
  await stack.end()
  await recordResult(isShort ? 'chaos, short' : 'chaos', {
    question:
      'Is anything that was acknowledged lost, and is every search answered or refused with a code, whatever is killed?',
    facts: { 'Weaviate nodes': nodes, ...counts },
    table: { head, rows },
  })
  assert.deepEqual(run.shortfalls, [])
})

/** Records the pictures as if clients had written them. */
async function fill({ stack, written }: Run): Promise<void> {
  const ids = Array.from({ length: filled }, (_, n) => `f-${n}`)
  ids.forEach((id, n) => written.begin(id, n))
  const job = await sendJob(stack.balanced, gallery, new Map(ids.map((id, n) => [id, written.drawn(n)])))
  const { state, failed, added } = await job.ended()
  assert.deepEqual([state, failed, added], ['succeeded', 0, filled])
  ids.forEach((id, n) => written.acknowledge(id, n))
}

const head = [
  'what happened',
  'searches answered',
  'refused',
  'neither',
  'slowest, s',
  'p50, ms',
  'recall@10',
  'own writes found',
  'writes acknowledged',
  'refused at first',
  'normal again after, s',
  'job',
]

async function watched(run: Run, fault: Fault): Promise<Row> {
  const { stack, samples, jobs } = run
  const from = samples.now
  const began = performance.now()
  const job = fault.jobPictures > 0 ? await sendDrawnJob(run, fault) : undefined
  const struck = samples.now
  await fault.happen(stack)
  const back = samples.now
  const since = await calmAfter(run, fault, back)
  await expectReady(stack)
  // of three replicas one may be missing or behind: the next fault comes once none is
  const atBack = Date.now() - (samples.now - back)
  await until(() => areSound(stack.weaviate.nodes, atBack), `nodes that miss nothing after ${fault.name}`, patientlyMs)
  const ended = await job?.ended()
  const { state, done = 0, failed, added = 0, updated = 0, skipped = 0 } = ended ?? {}
  if (job !== undefined) {
    jobs.push(job)
    assert.deepEqual([state, failed], ['succeeded', 0], `${fault.name}: ${JSON.stringify(ended)}`)
    // also if a step was repeated, because PostgreSQL did not answer its commit
    assert.deepEqual([done, added + updated + skipped], [fault.jobPictures, fault.jobPictures], fault.name)
  }
  const seconds = (performance.now() - began) / 1_000
  const row = rowOf(run, fault, { from: struck, back, since })
  console.log(JSON.stringify([...row, `${samples.between(from, samples.now, ['search']).length} searches in all`]))
  return [...row, job === undefined ? '–' : `${fault.jobPictures} in ${seconds.toFixed(0)} s`]
}

/** Where it does not come it is said why. */
async function calmAfter({ samples, stack }: Run, { name }: Fault, back: number): Promise<number> {
  let unmet: number | string = ''
  try {
    return await until(
      () => {
        unmet = samples.calm(back)
        return typeof unmet === 'number' && unmet
      },
      `calm after ${name}`,
      patientlyMs,
    )
  } catch (cause) {
    const warnings = [...stack.warnings()].map(([message, count]) => `${count} × ${message}`)
    throw new Error(`no calm after ${name}: ${unmet}; warnings: ${warnings.join(', ')}`, { cause })
  }
}

async function sendDrawnJob({ stack, jobs }: Run, { jobPictures }: Fault): Promise<IngestedJob> {
  const job = await sendJob(stack.balanced, gallery, drawnPictures(String.fromCharCode(97 + jobs.length), jobPictures))
  await until(async () => (await job.done()) > 0, 'progress', patientlyMs)
  return job
}

function rowOf(
  { samples, shortfalls }: Run,
  { name }: Fault,
  { from, back, since }: Record<'from' | 'back' | 'since', number>,
): Row {
  const searches = samples.between(from, samples.now, ['search'])
  const own = samples.between(from, samples.now, ['own write'])
  const writes = samples.between(from, samples.now, ['write'])
  const of = (some: typeof searches, outcome: string) => some.filter((sample) => sample.outcome === outcome)
  const broken = of(searches, 'broken')
  assert.equal(broken.length, 0, `${name}: ${codesOf(broken)}`)
  const recall = mean(searches.flatMap((sample) => sample.recall ?? []))
  if (recall < recallWanted) shortfalls.push(`${name}: recall ${recall}; ${missedOf(searches, from)}`)
  const answered = of(searches, 'answered').map(({ ms }) => ms)
  const refused = of(searches, 'refused')
  return [
    name,
    answered.length,
    refused.length === 0 ? 0 : codesOf(refused),
    broken.length,
    (Math.max(...searches.map(({ ms }) => ms)) / 1_000).toFixed(1),
    percentile(answered, 0.5).toFixed(0),
    recall.toFixed(4),
    `${own.filter((sample) => sample.recall === 1).length} of ${own.length}`,
    of(writes, 'answered').length,
    codesOf(writes.filter(({ outcome }) => outcome !== 'answered')) || 0,
    `${((Math.max(since, back) - from) / 1_000).toFixed(0)}, of which ${((back - from) / 1_000).toFixed(0)} away`,
  ]
}

/** Which searches missed something, and when. */
function missedOf(searches: readonly Sample[], from: number): string {
  const missed = searches.filter(({ recall = 1 }) => recall < 1)
  return missed
    .map(({ at, ms, recall }) => `${recall} at ${((at - from) / 1_000).toFixed(0)} s in ${ms.toFixed(0)} ms`)
    .join(', ')
}

/** What is stored is what was acknowledged, on every node, and is found. */
async function finalCounts({ stack, written, jobs }: Run): Promise<Record<string, string | number>> {
  const began = performance.now()
  await until(async () => areEqual(await replicaCounts(stack.weaviate.nodes)), 'equal replicas', patientlyMs)
  const equalAfter = (performance.now() - began) / 1_000
  const listed = await listedHashes(stack.balanced, gallery)
  const ofJobs = jobs.flatMap(({ pictures }) => [...pictures])
  for (const [id, { contentHash }] of ofJobs) {
    assert.equal(listed.get(id), contentHash, `${id} of a job is not what was taken in`)
    listed.delete(id)
  }
  const stored = written.compare(listed)
  const found = await expectAllFound(stack.balanced, gallery, new Map([...written.stable, ...ofJobs]))
  return {
    'writes acknowledged': written.acknowledged,
    'written pictures stored': stored,
    'pictures of jobs, all stored': ofJobs.length,
    'acknowledged and lost': 0,
    'found by their picture': found,
    'replicas equal after, s': equalAfter.toFixed(0),
  }
}

function areEqual(counts: Map<string, number[]> | undefined): boolean {
  return counts !== undefined && [...counts.values()].every((ofShard) => new Set(ofShard).size === 1)
}
