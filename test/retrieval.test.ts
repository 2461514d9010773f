import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retrieve } from '../src/retrieval.js'
import { startApp } from './support/app.js'
import { drawImage, drawnLabels } from './support/drawn-images.js'
import { tinyModel } from './support/tiny-model.js'

test('a trained network finds pictures of the same kind', async (t) => {
  const app = await startApp(t, { modelDir: await tinyModel(), embedWorkers: 2 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/drawn' })
  for (const label of drawnLabels) {
    for (let seed = 1000; seed < 1012; seed++) {
      const url = `/v1/galleries/drawn/images/${label}-${seed}?label=${label}`
      await app.call(201, {
        method: 'PUT',
        url,
        headers: { 'content-type': 'image/jpeg' },
        payload: await drawImage(label, seed),
      })
    }
  }
  let right = 0
  /** Time of each query outside all stages, in milliseconds. */
  const between: number[] = []
  for (const label of drawnLabels) {
    for (let seed = 2000; seed < 2008; seed++) {
      const { hits, durations } = await retrieve(
        { gallery: 'drawn', like: [{ bytes: await drawImage(label, seed) }], k: 5 },
        app.parts,
      )
      right += hits.filter(({ record }) => record.label === label).length
      const { decodeMs, queueMs, embedMs, searchMs, totalMs } = durations
      between.push(totalMs - (decodeMs + queueMs + embedMs + searchMs))
    }
  }
  between.sort((a, b) => a - b)
  assert.ok(between[0]! > -1, 'no time is counted twice')
  // not of each query: on a busy machine any of them may wait between two stages
  assert.ok(between[between.length / 2]! < 5, 'the stages add up to the total')
  const share = right / (drawnLabels.length * 8 * 5)
  assert.ok(share > 0.6, `${share} of the hits have the label of the query; by chance 0.25`)

  const leave = new AbortController()
  leave.abort(new Error('left'))
  const bytes = await drawImage('circle', 1)
  await assert.rejects(retrieve({ gallery: 'drawn', like: [{ bytes }], k: 5, signal: leave.signal }, app.parts), /left/)
  const leaving = new AbortController()
  const answer = retrieve({ gallery: 'drawn', like: [{ bytes }], k: 5, signal: leaving.signal }, app.parts)
  leaving.abort(new Error('left later'))
  await assert.rejects(answer, /left later/)
})
