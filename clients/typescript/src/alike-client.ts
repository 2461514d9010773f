/**
 * Client of Alike. `api` has every route of the contract, typed; the methods cover what most callers want: searches,
 * jobs and their events, uploads with retries.
 */
import createClient, { type Client, defaultPathSerializer } from 'openapi-fetch'
import { queryOf, segment, serviceAddress } from './addresses.js'
import type { components, operations, paths } from './api.js'
import { itemsOf } from './items-of.js'
import { type Job, type JobEvent, jobEvents } from './job-events.js'
import { AlikeUnreachable, isProblem } from './problems.js'
import { type Fetch, fetchWithRetries, type RetryOptions } from './retries.js'
import { vectorOf } from './vector-of.js'

export type { components, operations, paths } from './api.js'
export type { Job, JobEvent } from './job-events.js'
export { AlikeProblem, AlikeUnreachable, isProblem, type Problem, type ProblemCode } from './problems.js'
export type { RetryOptions } from './retries.js'
export { vectorOf } from './vector-of.js'

export type Gallery = components['schemas']['Gallery']
export type Model = components['schemas']['Model']
/** The service's model, with its manifest. */
export type ServedModel = operations['getModel']['responses'][200]['content']['application/json']
export type Image = components['schemas']['Image']
export type SearchAnswer = components['schemas']['SearchAnswer']
export type JobErrorLine = operations['getJobErrors']['responses'][200]['content']['application/x-ndjson']
export type SearchParameters = QueryOf<'search'>
export type IngestParameters = QueryOf<'ingest'>
export type ImageParameters = QueryOf<'putImage'>
export type ImageListParameters = Omit<QueryOf<'listImages'>, 'cursor'>

/** Parameters of an operation; undefined ones are omitted. What the contract wants as JSON text may be an object. */
type QueryOf<Name extends keyof operations> = Optional<NonNullable<operations[Name]['parameters']['query']>>
type Optional<Values> = { [Name in keyof Values]?: Values[Name] | ObjectOf<Name> | undefined }
type ObjectOf<Name> = Name extends 'filter'
  ? components['schemas']['Filter']
  : Name extends 'metadata'
    ? Record<string, unknown>
    : never

export interface AlikeClientOptions {
  /** URL of the service, including the path it is mounted at, if any: `https://example.org/alike`. */
  url: string
  /** API key, if the service requires one. */
  key?: string | undefined
  retry?: RetryOptions | undefined
  /** Replaces the platform's own, for example to use another agent. */
  fetch?: Fetch | undefined
}

export interface EmbeddedImage {
  image: Image
  /** [dimension], unit length, made by the model `image.modelId`; null: the service reports it as damaged. */
  vector: Float32Array | null
}

export interface CallOptions {
  signal?: AbortSignal | undefined
}

export interface IngestUpload {
  /**
   * Opens the body; called again for each retry. Async iterables, including Node.js streams, only work in Node.js;
   * browsers send streams by HTTP/2 alone, and blobs, such as chosen files, always.
   */
  open(): ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Blob | Uint8Array<ArrayBuffer> | string
  /** `application/x-tar`, `application/zip`, `application/x-ndjson` and others, see `ingest` in the contract. */
  contentType: string
  parameters?: IngestParameters | undefined
  /** Makes retries idempotent. Default: random, so that the attempts of this call create one job. */
  idempotencyKey?: string | undefined
  signal?: AbortSignal | undefined
}

export class AlikeClient {
  /**
   * Every route: `dataOf(client.api.GET('/v1/galleries/{gallery}', { params: { path: { gallery } } }))`. Refusals are
   * thrown.
   */
  readonly api: Client<paths>
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #send: Fetch
  readonly #retry: RetryOptions

  /** @throws TypeError if `url` is not an address of that form */
  constructor({ url, key, retry = {}, fetch: send = (request) => fetch(request) }: AlikeClientOptions) {
    this.#base = serviceAddress(url)
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    this.#send = send
    this.#retry = retry
    this.api = createClient<paths>({
      baseUrl: this.#base,
      headers: this.#headers,
      querySerializer: (query) => queryOf(query).slice(1),
      pathSerializer: (path, values) => {
        for (const value of Object.values(values)) segment(String(value))
        return defaultPathSerializer(path, values)
      },
      // with its signal: Node.js (24) forgets that of a clone with the next garbage
      fetch: (request) => fetchWithRetries(() => new Request(request.clone(), { signal: request.signal }), send, retry),
    })
  }

  async servedModel(options: CallOptions = {}): Promise<ServedModel> {
    const { models } = await dataOf(this.api.GET('/v1/models', given(options)))
    return dataOf(this.api.GET('/v1/models/{model}', { params: { path: { model: models[0]!.id } }, ...given(options) }))
  }

  gallery(gallery: string, options: CallOptions = {}): Promise<Gallery> {
    return dataOf(this.api.GET('/v1/galleries/{gallery}', { params: { path: { gallery } }, ...given(options) }))
  }

  async hasGallery(gallery: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.gallery(gallery, options)
      return true
    } catch (error) {
      if (isProblem(error, 'gallery_not_found')) return false
      throw error
    }
  }

  /** Does nothing if a gallery with this name and these settings exists. */
  createGallery(gallery: string, options: CallOptions = {}): Promise<Gallery> {
    return dataOf(this.api.PUT('/v1/galleries/{gallery}', { params: { path: { gallery } }, ...given(options) }))
  }

  async deleteGallery(gallery: string, options: CallOptions = {}): Promise<void> {
    await this.api.DELETE('/v1/galleries/{gallery}', { params: { path: { gallery } }, ...given(options) })
  }

  /** Yields every picture of the gallery by id, or those that match `label` or `filter`; `limit` is the size of a page. */
  async *images(
    gallery: string,
    { signal, limit = 1000, ...parameters }: ImageListParameters & CallOptions = {},
  ): AsyncGenerator<Image> {
    let cursor: string | undefined
    do {
      const query = { ...parameters, limit, cursor } as NonNullable<operations['listImages']['parameters']['query']>
      const params = { path: { gallery }, query }
      const page = await dataOf(this.api.GET('/v1/galleries/{gallery}/images', { params, ...given({ signal }) }))
      yield* page.images
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }

  /**
   * Yields the same pictures with their embeddings, all from one model: if the gallery switches to another one meanwhile,
   * throws a problem `serving_changed`. Then begin again.
   */
  async *embeddings(
    gallery: string,
    parameters: Omit<ImageListParameters, 'include' | 'vectorFormat'> & CallOptions = {},
  ): AsyncGenerator<EmbeddedImage> {
    const asked: ImageListParameters & CallOptions = { ...parameters, include: ['vector'], vectorFormat: 'base64' }
    for await (const { vector, ...image } of this.images(gallery, asked))
      yield { image, vector: vector ? vectorOf(vector) : null }
  }

  /** Stores a picture under your id, replacing any existing one. */
  async putImage(
    gallery: string,
    id: string,
    bytes: Uint8Array<ArrayBuffer> | Blob,
    { signal, ...parameters }: ImageParameters & CallOptions = {},
  ): Promise<Image> {
    const path = `/v1/galleries/${segment(gallery)}/images/${segment(id)}`
    return (await this.#sendBytes('PUT', path, bytes, parameters, signal)) as Image
  }

  /**
   * Finds pictures like this one. For other queries (several pictures, stored ones, vectors) send JSON:
   * `api.POST(…/search)`.
   */
  async search(
    gallery: string,
    bytes: Uint8Array<ArrayBuffer> | Blob,
    { signal, ...parameters }: SearchParameters & CallOptions = {},
  ): Promise<SearchAnswer> {
    const path = `/v1/galleries/${segment(gallery)}/search`
    return (await this.#sendBytes('POST', path, bytes, parameters, signal)) as SearchAnswer
  }

  /** Resolves with the job once the upload is durable; use `events` or `waitForJob` to follow it. */
  async ingest(gallery: string, upload: IngestUpload): Promise<Job> {
    const { open, contentType, parameters, idempotencyKey = crypto.randomUUID(), signal } = upload
    const url = `${this.#base}/v1/galleries/${segment(gallery)}/ingest${queryOf(parameters ?? {})}`
    const headers = { ...this.#headers, 'content-type': contentType, 'idempotency-key': idempotencyKey }
    const makeRequest = () =>
      new Request(url, { method: 'POST', headers, body: open(), duplex: 'half', ...given({ signal }) } as RequestInit)
    return (await (await fetchWithRetries(makeRequest, this.#send, this.#retry)).json()) as Job
  }

  /**
   * @param upload `open` returns a tar, optionally gzipped, of a trained model folder. Installing the same model again
   * changes nothing.
   */
  async installModel({ open, signal }: Pick<IngestUpload, 'open' | 'signal'>): Promise<Model> {
    const headers = { ...this.#headers, 'content-type': 'application/x-tar' }
    const makeRequest = () =>
      new Request(`${this.#base}/v1/models`, {
        method: 'POST',
        headers,
        body: open(),
        duplex: 'half',
        ...given({ signal }),
      } as RequestInit)
    return (await (await fetchWithRetries(makeRequest, this.#send, this.#retry)).json()) as Model
  }

  job(job: string, options: CallOptions = {}): Promise<Job> {
    return dataOf(this.api.GET('/v1/jobs/{job}', { params: { path: { job } }, ...given(options) }))
  }

  /** Pictures already stored stay. */
  cancelJob(job: string, options: CallOptions = {}): Promise<Job> {
    return dataOf(this.api.DELETE('/v1/jobs/{job}', { params: { path: { job } }, ...given(options) }))
  }

  /**
   * Yields `progress` first and whenever the job has changed, and `end` once and last; reconnects if the connection
   * breaks.
   */
  events(job: string, { signal }: CallOptions = {}): AsyncGenerator<JobEvent> {
    return jobEvents({
      connect: () => this.#get(`/v1/jobs/${segment(job)}/events`, signal, 'text/event-stream'),
      look: () => this.job(job, { signal }),
      signal,
    })
  }

  /** @returns the finished job, whatever the outcome: see its `state` */
  async waitForJob(job: string, options: CallOptions & { onProgress?(job: Job): void } = {}): Promise<Job> {
    for await (const { event, job: now } of this.events(job, options)) {
      options.onProgress?.(now)
      if (event === 'end') return now
    }
    return this.job(job, options)
  }

  /** Items that failed, line by line, as they arrive. */
  async *jobErrors(job: string, { signal }: CallOptions = {}): AsyncGenerator<JobErrorLine> {
    const { body } = await this.#get(`/v1/jobs/${segment(job)}/errors`, signal, 'application/x-ndjson')
    let rest = ''
    try {
      for await (const text of itemsOf(body!.pipeThrough(new TextDecoderStream()))) {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines) yield JSON.parse(line) as JobErrorLine
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new AlikeUnreachable('The report broke off.', { cause: error })
    }
  }

  /** For responses read as a stream. */
  #get(path: string, signal: AbortSignal | undefined, accept: string): Promise<Response> {
    const makeRequest = () =>
      new Request(`${this.#base}${path}`, { headers: { ...this.#headers, accept }, ...given({ signal }) })
    return fetchWithRetries(makeRequest, this.#send, this.#retry)
  }

  async #sendBytes(
    method: string,
    path: string,
    bytes: Uint8Array<ArrayBuffer> | Blob,
    parameters: object,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    // The service examines the bytes, not the type.
    const headers = {
      ...this.#headers,
      'content-type': bytes instanceof Blob && bytes.type !== '' ? bytes.type : 'image/*',
    }
    const makeRequest = () =>
      new Request(`${this.#base}${path}${queryOf(parameters)}`, { method, headers, body: bytes, ...given({ signal }) })
    return (await fetchWithRetries(makeRequest, this.#send, this.#retry)).json()
  }
}

/** Only the data: refusals have been thrown. */
export async function dataOf<Data>(answer: Promise<{ data?: Data; response: Response }>): Promise<NonNullable<Data>> {
  return (await answer).data!
}

function given({ signal }: CallOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
