import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { model } from '../../gallery/stored-images.js'
import { until } from '../../support/until.js'
import { dataFolder, openIn } from './storage-folder.js'
import { seededRandom, unitVectors } from './vector-index/unit-vectors.js'

const rounds = 3
const program = fileURLToPath(new URL('./putting-process.js', import.meta.url))

/** Runs the process until it has printed this many lines, plus some milliseconds; returns its output. */
async function runAndKill(dataDir: string, first: number, count: number, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, dataDir, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reading = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  await once(reading, 'line')
  const exited = once(child, 'exit')
  const closed = once(reading, 'close')
  await until(() => lines.length >= count, `${count} lines`)
  await sleep(afterMs)
  child.kill('SIGKILL')
  assert.deepEqual((await exited)[1], 'SIGKILL')
  await closed
  return lines
}

test(`no acknowledged picture is lost and no removed one comes back, over ${rounds} kills`, async (t) => {
  const dataDir = await dataFolder(t)
  const seed = Date.now()
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  // What was being stored or removed at the moment of a kill is in neither set: either outcome is right.
  const present = new Set<string>()
  const removed = new Set<string>()

  for (let round = 0; round < rounds; round++) {
    for (const line of await runAndKill(dataDir, round * 1_000_000, 2 + Math.floor(random() * 200), random() * 20)) {
      const [what, ...ids] = line.split(' ')
      for (const id of ids) {
        if (what === 'put') present.add(id)
        if (what === 'removing') present.delete(id)
        if (what === 'removed') removed.add(id)
      }
    }
    const galleries = await openIn(t, dataDir)
    const { count } = await galleries.get('a')
    for (const id of present) assert.ok(await galleries.images.get('a', id), `${id} was acknowledged`)
    for (const id of removed) assert.equal(await galleries.images.get('a', id), undefined, `${id} was removed`)
    const { hits } = await galleries.searches.search('a', {
      vector: unitVectors({ dimension: model.dimension, seed: 0 })(),
      k: count + 10,
      exact: true,
    })
    assert.equal(hits.length, count)
    const found = new Set(hits.map(({ record }) => record.id))
    assert.ok([...present].every((id) => found.has(id)) && ![...removed].some((id) => found.has(id)))
    for (const id of [...present].slice(-5)) {
      const { hits: own } = await galleries.searches.search('a', {
        vector: unitVectors({ dimension: model.dimension, seed: Number(id) })(),
        k: 1,
      })
      assert.equal(own[0]?.record.id, id)
    }
    assert.equal((await galleries.readings.all())[0]?.size, count)
    await galleries.close()
  }
  assert.ok(present.size > 0)
})
