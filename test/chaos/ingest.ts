/**
 * One large job into three Weaviate nodes, one of which is killed and stays away for minutes, while a process answers
 * searches: `npm run test:chaos -- --ingest 20000`. Every picture is read back and searched for on every node.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import { recordResult } from '../support/long-report.js'
import { skipWithoutS3 } from '../support/s3-server.js'
import { until } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { type AlikeStack, pause, startStack } from './alike-stack.js'
import { listedImages } from './final-checks.js'
import { type Described, describedPictures, sendTar, WatchedJob } from './large-job.js'
import { findingsOf, newQueries } from './node-checks.js'
import { drawPicture, exactNearest } from './pictures.js'
import type { RoundRobin } from './round-robin.js'
import { codesOf, mean, percentile, recallWanted, Samples } from './samples.js'
import { areSound, replicaCounts } from './weaviate-nodes.js'

const count = Number(process.env.CHAOS_PICTURES)
const awayMs = 1_000 * Number(process.env.CHAOS_AWAY_SECONDS ?? 180)
const gallery = '/v1/galleries/large'
const [k, spare] = [10, 20]
const searchEveryMs = 100
const patientlyMs = 3_600_000
/** Share of the pictures stored before a node is killed. */
const killedAfter = 0.25
const queries = 1_000
/** Pictures searched for by the HTTP API; on each node all of them are. */
const searchedFor = Math.min(count, 2_000)
const batch = 32
const batchesAtOnce = 2

interface Phase {
  name: string
  began: number
  ended: number
  /** Pictures known to be stored at its begin and end. */
  from: number
  done: number
}

test(`${count} pictures are stored and found, though a node is away meanwhile`, {
  skip: skipWithoutWeaviate || skipWithoutS3,
}, async (t) => {
  const stack = await startStack(t, 3, 1)
  if (stack === undefined) return
  const { balanced, weaviate } = stack
  assert.equal((await balanced.ask({ method: 'PUT', path: gallery })).is, 'answered')
  const pictures = describedPictures(count)
  const samples = new Samples()
  const job = new WatchedJob(balanced, await sendTar(balanced, gallery, pictures))
  let isOver = false
  t.after(() => void (isOver = true)) // also of a run that fails
  const searching = searchUntil({ stack, samples, pictures, job }, () => isOver)
  const { phases, backAt } = await phasesOf(stack, samples, job)
  const { state, failed, added, updated, skipped, done } = await job.ended()
  await until(() => areSound(weaviate.nodes, backAt), 'nodes that miss nothing', patientlyMs)
  isOver = true
  await searching
  t.diagnostic(`stored in ${((phases.at(-1)!.ended - phases[0]!.began) / 1_000).toFixed(0)} s`)
  for (const [message, times] of stack.warnings()) t.diagnostic(`${times} × ${message}`)
  const told = { state, failed, done, added, updated, skipped }
  t.diagnostic(JSON.stringify(told))
  const rows = phases.map((phase) => rowOf(phase, samples))
  for (const row of rows) console.log(JSON.stringify(row))
  await recordResult('ingest', {
    question: `Is everything stored if one of three nodes is away for ${awayMs / 1_000} s during a job?`,
    facts: { pictures: count, ...(await storedCounts(stack, pictures)) },
    table: { head: phaseHead, rows },
  })
  await expectOnEachNode(stack, pictures)
  await stack.end()
  assert.deepEqual(told, { state: 'succeeded', failed: 0, done: count, added: count, updated: 0, skipped: 0 })
})

/** Kills the first node, which the others joined, in the middle of the job. */
async function phasesOf({ weaviate }: AlikeStack, samples: Samples, job: WatchedJob) {
  const node = weaviate.nodes[0]!
  const phases: Phase[] = []
  const during = async (name: string, happen: () => Promise<unknown>) => {
    const [began, from] = [samples.now, job.done]
    await happen()
    phases.push({ name, began, ended: samples.now, from, done: job.done })
  }
  const ended = job.ended()
  await during('all nodes there', () => until(() => job.done >= killedAfter * count, 'a quarter', patientlyMs))
  await node.kill()
  await during('one node killed', () => pause(awayMs))
  await during('the node starts', () => node.start())
  const backAt = Date.now()
  assert.ok(job.done < count, 'the job ended while the node was away')
  await during('the node back', () => ended)
  return { phases, backAt }
}

interface Searching {
  stack: AlikeStack
  samples: Samples
  pictures: readonly Described[]
  job: WatchedJob
}

/** Compared with the exact answer among what the job is known to have stored. */
async function searchUntil({ stack, samples, pictures, job }: Searching, isOver: () => boolean): Promise<void> {
  const random = seededRandom(9)
  const places = new Map(pictures.map(({ id }, n) => [id, n]))
  for (; !isOver(); await sleep(searchEveryMs)) {
    const { done } = job
    const { vector, png } = drawPicture('written', 6_000_000 + Math.floor(random() * 1_000_000))
    const at = samples.now
    const path = `${gallery}/search?k=${k + spare}`
    const outcome = await stack.balanced.ask<Hits>({ method: 'POST', path, type: 'image/png', body: png })
    if (outcome.is !== 'answered' || done < k) {
      samples.add('search', at, outcome)
      continue
    }
    const told = outcome.body.hits.filter(({ id }) => places.get(id)! < done).slice(0, k)
    const known = pictures.slice(0, done).map((picture) => [picture.id, picture] as const)
    const nearest = exactNearest(vector, known, k)
    const found = nearest.filter((id) => told.some((hit) => hit.id === id))
    samples.add('search', at, outcome, found.length / nearest.length)
  }
}

interface Hits {
  hits: { id: string }[]
}

const phaseHead = [
  'what happened',
  'seconds',
  'pictures stored',
  'a second',
  'searches answered',
  'refused',
  'slowest, s',
  'p50, ms',
  'recall@10',
]

function rowOf({ name, began, ended, from, done }: Phase, samples: Samples): (string | number)[] {
  const searches = samples.between(began, ended, ['search'])
  const of = (outcome: string) => searches.filter((sample) => sample.outcome === outcome)
  assert.equal(of('broken').length, 0, `${name}: ${codesOf(of('broken'))}`)
  const seconds = (ended - began) / 1_000
  const times = of('answered').map(({ ms }) => ms)
  const recall = mean(of('answered').flatMap((sample) => sample.recall ?? []))
  if (times.length > 0) assert.ok(recall >= recallWanted, `${name}: recall ${recall}`)
  return [
    name,
    seconds.toFixed(0),
    done - from,
    ((done - from) / seconds).toFixed(1),
    times.length,
    codesOf(of('refused')) || 0,
    (Math.max(0, ...searches.map(({ ms }) => ms)) / 1_000).toFixed(1),
    percentile(times, 0.5).toFixed(0),
    recall.toFixed(4),
  ]
}

/** By the HTTP API. */
async function storedCounts({ balanced, weaviate }: AlikeStack, pictures: readonly Described[]) {
  const counted = await balanced.ask<{ count: number }>({ method: 'GET', path: gallery })
  assert.ok(counted.is === 'answered')
  assert.equal(counted.body.count, count)
  const began = performance.now()
  const isEven = async () => {
    const counts = await replicaCounts(weaviate.nodes)
    return counts !== undefined && [...counts.values()].every((ofShard) => new Set(ofShard).size === 1)
  }
  await until(isEven, 'equal replicas', patientlyMs)
  const equalAfter = (performance.now() - began) / 1_000
  const listed = await listedImages(balanced, gallery)
  console.log(`${listed.size} listed, replicas equal after ${equalAfter.toFixed(0)} s`)
  assert.equal(listed.size, count)
  for (const { id, contentHash, label, metadata } of pictures) {
    const { contentHash: hash, label: stored, metadata: described } = listed.get(id) ?? {}
    assert.deepEqual({ contentHash: hash, label: stored, metadata: described }, { contentHash, label, metadata }, id)
  }
  return {
    'read back, equal': listed.size,
    'searched for, first hit of their own vector': await foundByVector(balanced, pictures),
    'replicas equal after, s': equalAfter.toFixed(0),
  }
}

async function foundByVector(balanced: RoundRobin, pictures: readonly Described[]): Promise<number> {
  const step = Math.floor(count / searchedFor)
  const some = pictures.filter((_, n) => n % step === 0).slice(0, searchedFor)
  const parts = Array.from({ length: Math.ceil(some.length / batch) }, (_, n) => some.slice(n * batch, (n + 1) * batch))
  const missing = await pMap(
    parts,
    async (part) => {
      const body = JSON.stringify({ queries: part.map(({ vector }) => ({ vector: [...vector], k: 1 })) })
      const asked = { method: 'POST', path: `${gallery}/search/batch`, type: 'application/json', body }
      const { answers } = await until(
        async () => {
          const outcome = await balanced.ask<{ answers: { answer?: Hits }[] }>(asked)
          return outcome.is === 'answered' && outcome.body.answers.every(({ answer }) => answer) && outcome.body
        },
        'answers to a batch',
        patientlyMs,
      )
      return part.filter(({ id }, n) => answers[n]!.answer!.hits[0]?.id !== id).map(({ id }) => id)
    },
    { concurrency: batchesAtOnce },
  )
  assert.deepEqual(missing.flat(), [], 'stored and not found')
  return some.length
}

async function expectOnEachNode({ weaviate }: AlikeStack, pictures: readonly Described[]): Promise<void> {
  const asked = { pictures, queries: newQueries(queries, pictures) }
  const rows: (string | number)[][] = []
  const findings = await pMap(
    weaviate.nodes,
    async (node, n) => {
      const found = await findingsOf(node, asked)
      rows.push([n + 1, found.stored, found.equal, found.found, found.recall.toFixed(4)])
      console.log(JSON.stringify(rows.at(-1)))
      return found
    },
    { concurrency: 1 },
  )
  await recordResult('ingest, each node', {
    question: 'Does each node by itself have and find everything?',
    facts: { pictures: count, queries },
    table: { head: ['node', 'stored', 'as sent', 'found by their own vector', 'recall@10'], rows },
  })
  for (const { stored, found, recall } of findings) {
    assert.deepEqual({ stored, found }, { stored: count, found: count })
    assert.ok(recall >= recallWanted)
  }
}
