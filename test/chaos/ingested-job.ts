/** Jobs that take in pictures while everything around them is killed. */
import { until } from '../support/until.js'
import { drawPicture, type Picture } from './pictures.js'
import type { RoundRobin } from './round-robin.js'

export interface IngestedJob {
  /** By id. */
  pictures: ReadonlyMap<string, Picture>
  done(): Promise<number>
  /** Resolves when it has ended. */
  ended(): Promise<JobView>
}

export interface JobView {
  id: string
  state: string
  done: number
  added: number
  updated: number
  skipped: number
  failed: number
  finishedAt: string | null
}

/** Drawn pictures, all different. */
export function drawnPictures(name: string, count: number): Map<string, Picture> {
  const first = 100_000 * name.charCodeAt(0)
  return new Map(Array.from({ length: count }, (_, n) => [`job-${name}-${n}`, drawPicture('ingested', first + n)]))
}

export async function sendJob(
  balanced: RoundRobin,
  gallery: string,
  pictures: ReadonlyMap<string, Picture>,
): Promise<IngestedJob> {
  const lines = [...pictures].map(([id, { png }]) => JSON.stringify({ add: { id, image: png.toString('base64') } }))
  const asked = { method: 'POST', path: `${gallery}/ingest`, type: 'application/x-ndjson', body: lines.join('\n') }
  const { id } = await until(async () => {
    const outcome = await balanced.ask<JobView>(asked)
    return outcome.is === 'answered' && outcome.body
  }, 'the job to be accepted')
  let last: JobView | undefined
  const look = async () => {
    const outcome = await balanced.ask<JobView>({ method: 'GET', path: `/v1/jobs/${id}` })
    if (outcome.is === 'answered') last = outcome.body
    return last
  }
  return {
    pictures,
    done: async () => (await look())?.done ?? 0,
    async ended() {
      for (;;) {
        const job = await look()
        if (job !== undefined && job.finishedAt !== null) return job
        await new Promise((over) => setTimeout(over, 500))
      }
    },
  }
}
