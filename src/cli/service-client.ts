/** What the commands need of a running service, over HTTP. */

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Static } from 'typebox'
import { AlikeError } from '../errors.js'
import type { ModelCard } from '../http/schemas/model.js'

export interface SearchHit {
  id: string
  rank: number
  score: number
  label: string | null
}

export type ServedModel = Static<typeof ModelCard>

export interface SearchAnswer {
  modelId: string
  method: string
  hits: SearchHit[]
  /** Stage → milliseconds, as the service measured them. */
  durations: Record<string, number>
}

export interface Job {
  id: string
  state: 'queued' | 'running' | 'succeeded' | 'completed_with_errors' | 'failed' | 'cancelled'
  total: number | null
  done: number
  added: number
  updated: number
  removed: number
  skipped: number
  failed: number
  replaced: number
  namesAssumed: number
  share: number
  picturesPerSecond: number | null
  secondsLeft: number | null
  failure: { code: string; detail: string } | null
  startedAt: string | null
  finishedAt: string | null
}

export interface JobErrorLine {
  name: string
  code: string
  detail: string
}

export interface Upload {
  stream: Readable
  contentType: string
  /** Parameters of the route: `label`, `litter` and the encodings. */
  parameters?: Readonly<Record<string, string | undefined>> | undefined
  signal?: AbortSignal
}

export interface Snapshot {
  id: string
  state: 'writing' | 'ready' | 'failed' | 'damaged'
  failure: { code: string; detail: string } | null
}

const jobPollMs = 500

/** The service has answered, with a refusal. */
export class ServiceRefusal extends AlikeError {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super('service_refused', { detail })
  }
}

export class ServiceClient {
  readonly #base: string
  readonly #credentials: Record<string, string>

  /**
   * @param url of the service, with or without a slash at the end
   * @param key API key, where the service asks for one
   */
  constructor(url: string, key?: string) {
    this.#base = url.replace(/\/+$/, '')
    this.#credentials = key === undefined ? {} : { authorization: `Bearer ${key}` }
  }

  async servedModel(): Promise<ServedModel> {
    const { models } = (await (await this.#call('GET', '/v1/models')).json()) as { models: { id: string }[] }
    return (await (await this.#call('GET', `/v1/models/${models[0]!.id}`)).json()) as ServedModel
  }

  async gallery(gallery: string): Promise<unknown> {
    return (await this.#call('GET', this.#path(gallery))).json()
  }

  async hasGallery(gallery: string): Promise<boolean> {
    try {
      await this.gallery(gallery)
      return true
    } catch (error) {
      if (error instanceof ServiceRefusal && error.status === 404) return false
      throw error
    }
  }

  async createGallery(gallery: string): Promise<void> {
    await this.#call('PUT', this.#path(gallery))
  }

  async deleteGallery(gallery: string): Promise<void> {
    await this.#call('DELETE', this.#path(gallery))
  }

  /** @param archive tar whose folders are labels */
  ingestTar(gallery: string, archive: Readable): Promise<Job> {
    return this.ingest(gallery, { stream: archive, contentType: 'application/x-tar' })
  }

  async ingest(gallery: string, { stream, contentType, parameters = {}, signal }: Upload): Promise<Job> {
    const body = Readable.toWeb(stream) as ReadableStream<Uint8Array>
    const given = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    )
    const path = `${this.#path(gallery)}/ingest?${new URLSearchParams(given)}`
    const response = await this.#call('POST', path, {
      body,
      duplex: 'half',
      headers: { 'content-type': contentType },
      ...(signal && { signal }),
    })
    return (await response.json()) as Job
  }

  async cancelJob(id: string): Promise<Job> {
    return (await (await this.#call('DELETE', `/v1/jobs/${encodeURIComponent(id)}`)).json()) as Job
  }

  async *jobErrors(id: string): AsyncGenerator<JobErrorLine> {
    const { body } = await this.#call('GET', `/v1/jobs/${encodeURIComponent(id)}/errors`)
    if (body === null) return
    for await (const line of createInterface({ input: Readable.fromWeb(body as WebStream) }))
      yield JSON.parse(line) as JobErrorLine
  }

  async job(id: string): Promise<Job> {
    return (await (await this.#call('GET', `/v1/jobs/${encodeURIComponent(id)}`)).json()) as Job
  }

  async waitForJob(id: string, onProgress: (job: Job) => void = () => undefined): Promise<Job> {
    for (;;) {
      const job = await this.job(id)
      onProgress(job)
      if (job.state !== 'queued' && job.state !== 'running') return job
      await sleep(jobPollMs)
    }
  }

  async createSnapshot(): Promise<Snapshot> {
    return (await (await this.#call('POST', '/v1/snapshots')).json()) as Snapshot
  }

  /** @throws AlikeError `service_refused` when it fails */
  async waitForSnapshot(id: string): Promise<Snapshot> {
    for (;;) {
      const snapshot = (await (await this.#call('GET', `/v1/snapshots/${id}`)).json()) as Snapshot
      if (snapshot.state === 'ready') return snapshot
      if (snapshot.state !== 'writing')
        throw new AlikeError('service_refused', {
          detail: `The snapshot has ${snapshot.state}: ${snapshot.failure?.detail ?? ''}`,
        })
      await sleep(jobPollMs)
    }
  }

  async snapshotArchive(id: string): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#call('GET', `/v1/snapshots/${id}/archive`)
    return body!
  }

  async deleteSnapshot(id: string): Promise<void> {
    await this.#call('DELETE', `/v1/snapshots/${id}`)
  }

  async search(
    gallery: string,
    picture: Uint8Array<ArrayBuffer>,
    parameters: Record<string, string>,
  ): Promise<SearchAnswer> {
    const path = `${this.#path(gallery)}/search?${new URLSearchParams(parameters)}`
    const response = await this.#call('POST', path, { body: picture, headers: { 'content-type': 'image/jpeg' } })
    return (await response.json()) as SearchAnswer
  }

  #path(gallery: string): string {
    return `/v1/galleries/${encodeURIComponent(gallery)}`
  }

  async #call(
    method: string,
    path: string,
    { headers, ...init }: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.#base}${path}`, { method, ...init, headers: { ...this.#credentials, ...headers } })
    } catch (cause) {
      throw new AlikeError('service_unreachable', {
        detail: `${method} ${path} got no answer from ${this.#base}.`,
        cause,
      })
    }
    if (response.ok) return response
    throw new ServiceRefusal(response.status, `${method} ${path}: ${response.status} ${await response.text()}`)
  }
}
