/** Hostile pictures sent in every possible way: queries, stores, comparisons, forms, NDJSON and archives. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { tarOf } from './archives.js'
import { formBody, formHeaders } from './forms.js'
import type { ErrorLine, Job } from './jobs.js'

export interface HostileOutcome {
  /** Status and code of a response, or code of an error line, → count. */
  answers: Map<string, number>
  jobs: Job[]
}

const expected = new Set([
  '200',
  '201',
  '202',
  '422 image_too_much_memory',
  '422 image_unreadable',
  '422 image_too_many_pixels',
  '429 overloaded',
])

/** Hundreds of large decodes run one after the other, so the last one waits long. */
const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

/** Everything at once, `rounds` times; resolves when all responses have arrived and all jobs have ended. */
export async function sendHostile(
  address: string,
  images: Map<string, Buffer>,
  rounds: number,
): Promise<HostileOutcome> {
  const gallery = `${address}/v1/galleries/hostile`
  await fetch(gallery, { method: 'PUT' })
  const answers = new Map<string, number>()
  const count = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1)
  const ask = async (path: string, type: string, body: Buffer | string, method = 'POST'): Promise<unknown> => {
    const response = await fetch(path, { method, headers: { 'content-type': type }, body, dispatcher: patient })
    const answer = (await response.json()) as { code?: string }
    const what = [response.status, answer.code].filter((part) => part !== undefined).join(' ')
    assert.ok(expected.has(what), `${method} ${path}: ${JSON.stringify(answer)}`)
    count(what)
    return answer
  }
  const all = [...images.values()]
  const base64 = all.map((picture) => picture.toString('base64'))
  const jobIds: string[] = []
  for (let round = 0; round < rounds; round++) {
    const lines = [...all, ...all]
      .map((_, i) => `${JSON.stringify({ add: { id: `line ${round} ${i}`, image: base64[i % all.length] } })}\n`)
      .join('')
    const tar = await tarOf([...all, ...all].map((content, i) => ({ path: `${round}/${i}.jpg`, content })))
    for (const [type, body] of [
      ['application/x-ndjson', lines],
      ['application/x-tar', tar],
    ] as const) {
      const job = (await ask(`${gallery}/ingest`, type, body)) as Job
      if (job.id !== undefined) jobIds.push(job.id)
    }
    await Promise.all(
      all.flatMap((picture, i) => [
        ask(`${gallery}/search`, 'image/png', picture),
        ask(`${gallery}/search`, 'application/json', JSON.stringify({ image: base64[i] })),
        ask(
          `${gallery}/search`,
          formHeaders['content-type'],
          formBody(Array.from({ length: 4 }, () => ({ name: 'image', filename: 'a', content: picture }))),
        ),
        ask(`${gallery}/images/${round}-${i}`, 'image/png', picture, 'PUT'),
        ask(
          `${address}/v1/compare`,
          formHeaders['content-type'],
          formBody([picture, all[0]!].map((content) => ({ name: 'image', filename: 'a', content }))),
        ),
        ask(`${address}/v1/embeddings`, 'image/png', picture),
      ]),
    )
  }
  const jobs = await Promise.all(jobIds.map((id) => ended(`${address}/v1/jobs/${id}`)))
  for (const { id } of jobs) {
    const errors = (await (await fetch(`${address}/v1/jobs/${id}/errors`)).text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as ErrorLine)
    for (const { code } of errors) count(`line ${code}`)
  }
  return { answers, jobs }
}

async function ended(url: string): Promise<Job> {
  for (let waited = 0; waited < 1_200_000; waited += 100) {
    const job = (await (await fetch(url)).json()) as Job
    if (job.finishedAt !== null) return job
    await sleep(100)
  }
  throw new Error('the job does not end')
}
