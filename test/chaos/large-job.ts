/** A tar of synthetic pictures with labels and metadata, and the job that takes it in. */
import type { JsonValue } from '../../src/gallery/metadata.js'
import { tarOf } from '../support/archives.js'
import { until } from '../support/until.js'
import type { JobView } from './ingested-job.js'
import { drawPicture, type Picture } from './pictures.js'
import type { RoundRobin } from './round-robin.js'

export interface Described extends Picture {
  id: string
  label: string | null
  metadata: Record<string, JsonValue>
}

const labels = 40
const places = ['Ghent', 'Gjøvik', '京都', 'Genève']

/** All different; one in ten has no label, one in seven no metadata. */
export function describedPictures(count: number): Described[] {
  return Array.from({ length: count }, (_, n) => ({
    ...drawPicture('written', n),
    id: `album/${n}.png`,
    label: n % 10 === 0 ? null : `class ${n % labels}`,
    metadata: n % 7 === 0 ? {} : { number: n, place: places[n % places.length]!, tags: [`t${n % 3}`, n % 2 === 0] },
  }))
}

/** @returns the id of the job */
export async function sendTar(balanced: RoundRobin, gallery: string, pictures: readonly Described[]): Promise<string> {
  const lines = pictures.map(({ id, label, metadata }) => JSON.stringify({ file: id, label, metadata }))
  const body = await tarOf([
    { path: 'manifest.ndjson', content: Buffer.from(lines.join('\n')) },
    ...pictures.map(({ id, png }) => ({ path: id, content: png })),
  ])
  const asked = { method: 'POST', path: `${gallery}/ingest`, type: 'application/x-tar', body }
  return until(async () => {
    const outcome = await balanced.ask<JobView>(asked)
    return outcome.is === 'answered' && outcome.body.id
  }, 'the job to be accepted')
}

/** What a job is known to have stored, asked for twice a second. */
export class WatchedJob {
  readonly #balanced: RoundRobin
  readonly #id: string
  #last: JobView | undefined

  constructor(balanced: RoundRobin, id: string) {
    this.#balanced = balanced
    this.#id = id
  }

  get done(): number {
    return this.#last?.done ?? 0
  }

  /** Resolves when it has ended. */
  async ended(): Promise<JobView> {
    for (;;) {
      const outcome = await this.#balanced.ask<JobView>({ method: 'GET', path: `/v1/jobs/${this.#id}` })
      if (outcome.is === 'answered') this.#last = outcome.body
      if (this.#last !== undefined && this.#last.finishedAt !== null) return this.#last
      await new Promise((over) => setTimeout(over, 500))
    }
  }
}
