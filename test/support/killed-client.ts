/** Clients of a service that gets killed: each works until its connection breaks, and records what it was told. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './app.js'
import { tarOf } from './archives.js'
import type { Ledger, State } from './kill-ledger.js'

type Job = Answer['jobs'][number]
interface SnapshotView {
  id: string
  state: string
}

type Sent = [type?: string, body?: Buffer, headers?: Record<string, string>]

/** An upload: resent with the same key until it is acknowledged, so that it becomes one job. */
export interface Upload {
  key: string
  archive: Buffer
  states: Map<string, State>
  jobId?: string
  done: number
  ended: boolean
  /** Pictures skipped because two kills hit the process while it worked on one of them alone. */
  givenUp: number
}

export class KilledClient {
  readonly #address: string
  readonly #pictures: Buffer[]
  readonly #hashes: string[]
  readonly #ledger: Ledger
  /** A connection broke; also stops clients without a request in progress. */
  #gone = false
  #acknowledged = 0

  constructor(address: string, pictures: Buffer[], ledger: Ledger) {
    this.#address = address
    this.#pictures = pictures
    this.#hashes = pictures.map((image) => createHash('sha256').update(image).digest('hex'))
    this.#ledger = ledger
  }

  /** Answered changes. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** @returns undefined if the connection broke */
  async call<Given = Answer>(method: string, path: string, ...sent: Sent): Promise<Given | undefined> {
    const text = await this.#text(method, path, ...sent)
    return text === undefined ? undefined : ((text === '' ? {} : JSON.parse(text)) as Given)
  }

  async #text(method: string, path: string, ...[type, body, headers = {}]: Sent): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.#address}${path}`, {
        method,
        ...(body && { body: new Uint8Array(body) }),
        headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      })
      const text = await response.text()
      assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
      if (method !== 'GET') this.#acknowledged++
      return text
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // fetch's name for a broken connection
      this.#gone = true
      return undefined
    }
  }

  inGallery<Given = Answer>(method: string, path: string, ...sent: Sent): Promise<Given | undefined> {
    return this.call<Given>(method, `/v1/galleries/killed${path}`, ...sent)
  }

  /** New ids, and occasionally another picture under an existing one. */
  async putUntilKilled(prefix: string, random: () => number): Promise<void> {
    for (let n = 0; ; n++) {
      const old = random() < 0.3 ? this.#pick(random) : undefined
      const id = old ?? `${prefix}-${n}`
      const state = { image: Math.floor(random() * this.#pictures.length), label: `label ${n % 5}` }
      if (
        !(await this.#change(id, state, () =>
          this.inGallery(
            'PUT',
            `/images/${encodeURIComponent(id)}?label=${encodeURIComponent(state.label)}`,
            'image/png',
            this.#pictures[state.image],
          ),
        ))
      )
        return
    }
  }

  async deleteUntilKilled(random: () => number): Promise<void> {
    while (!this.#gone) {
      await sleep(10)
      const id = this.#pick(random)
      if (id === undefined) continue
      if (!(await this.#change(id, 'absent', () => this.inGallery('DELETE', `/images/${encodeURIComponent(id)}`))))
        return
    }
  }

  async patchUntilKilled(random: () => number): Promise<void> {
    for (let n = 0; !this.#gone; n++) {
      await sleep(5)
      const id = this.#pick(random)
      const former = id === undefined ? 'absent' : this.#ledger.state(id)
      if (id === undefined || former === 'absent') continue
      const state = { ...former, label: `patched ${n}` }
      if (
        !(await this.#change(id, state, () =>
          this.inGallery(
            'PATCH',
            `/images/${encodeURIComponent(id)}`,
            'application/json',
            Buffer.from(JSON.stringify({ label: state.label })),
          ),
        ))
      )
        return
    }
  }

  /** Creates one snapshot after the other; the oldest is deleted. @returns whether one was being written at the end */
  async snapshotUntilKilled(): Promise<boolean> {
    for (;;) {
      const listed = await this.call<{ snapshots: SnapshotView[] }>('GET', '/v1/snapshots')
      if (listed === undefined) return false
      if (
        listed.snapshots.length >= 3 &&
        (await this.call('DELETE', `/v1/snapshots/${listed.snapshots.at(-1)!.id}`)) === undefined
      )
        return false
      const begun = await this.call<SnapshotView>('POST', '/v1/snapshots')
      if (begun === undefined) return true
      for (let state = begun.state; state === 'writing'; await sleep(2)) {
        const view = await this.call<SnapshotView>('GET', `/v1/snapshots/${begun.id}`)
        if (view === undefined) return true
        state = view.state
      }
    }
  }

  /** Creates and deletes other galleries: none that was deleted may come back. */
  async galleriesUntilKilled(round: number, deleted: Set<string>): Promise<void> {
    for (let n = 0; ; n++) {
      const gallery = `/v1/galleries/passing-${round}-${n}`
      if ((await this.call('PUT', gallery)) === undefined) return
      for (let i = 0; i < 5; i++)
        if ((await this.call('PUT', `${gallery}/images/${i}`, 'image/png', this.#pictures[i])) === undefined) return
      if ((await this.call('DELETE', gallery)) === undefined) return
      deleted.add(`passing-${round}-${n}`)
    }
  }

  async makeUpload(key: string, states: Map<string, State>): Promise<Upload> {
    const entries = [...states].flatMap(([path, state]) =>
      state === 'absent' ? [] : [{ path, content: this.#pictures[state.image]! }],
    )
    for (const [id, state] of states) this.#ledger.begin(id, state)
    return { key, archive: await tarOf(entries), states, done: 0, ended: false, givenUp: 0 }
  }

  async ingestUntilKilled(upload: Upload): Promise<void> {
    if (!(await this.send(upload))) return
    while (await this.follow(upload)) await sleep(20)
  }

  /** @returns whether it has become a job */
  async send(upload: Upload): Promise<boolean> {
    const job = await this.inGallery<Job>('POST', '/ingest', 'application/x-tar', upload.archive, {
      'idempotency-key': upload.key,
    })
    if (job !== undefined) upload.jobId ??= job.id
    if (job !== undefined) assert.equal(job.id, upload.jobId, 'one key, one job')
    return job !== undefined
  }

  /** @returns whether there is more to follow */
  async follow(upload: Upload): Promise<boolean> {
    const job = await this.call<Job>('GET', `/v1/jobs/${upload.jobId}`)
    if (job === undefined) return false
    assert.ok(job.done >= upload.done, `job ${upload.key} has gone back from ${upload.done} to ${job.done}`)
    upload.done = job.done
    if (job.finishedAt === null) return true
    const errors = await this.#errorsOf(upload)
    if (errors === undefined) return false
    const givenUp = new Set(errors.filter(({ code }) => code === 'image_ended_process').map(({ name }) => name))
    assert.deepEqual(
      [job.state, job.failed, job.done],
      [givenUp.size === 0 ? 'succeeded' : 'completed_with_errors', givenUp.size, upload.states.size],
      `job ${upload.key}: ${JSON.stringify({ failure: job.failure, errors })}`,
    )
    upload.ended = true
    upload.givenUp = givenUp.size
    for (const [id, state] of upload.states)
      if (givenUp.has(id)) this.#ledger.refuse(id, state)
      else this.#ledger.acknowledge(id, state)
    return false
  }

  /** Compares everything that is stored with what is possible. */
  async compareRecords(when: string): Promise<Map<string, State>> {
    const stored = new Map<string, State>()
    for (let cursor = ''; ; ) {
      const page = await this.inGallery('GET', `/images?limit=1000${cursor}`)
      for (const { id, label, contentHash } of page!.images)
        stored.set(id, { image: this.#hashes.indexOf(contentHash), label: label ?? '' })
      if (page!.nextCursor === undefined) break
      cursor = `&cursor=${encodeURIComponent(page!.nextCursor)}`
    }
    this.#ledger.compare(stored, when)
    return stored
  }

  /** Each of these pictures must find every id that it is stored under, and nothing else. */
  async compareSearches(stored: ReadonlyMap<string, State>, pictures: Iterable<number>, when: string): Promise<void> {
    for (const image of pictures) {
      const wanted = [...stored].filter(([, state]) => state !== 'absent' && state.image === image).map(([id]) => id)
      for (const parameters of ['k=10000&minScore=0.9999', 'k=10']) {
        const { hits } = (await this.inGallery('POST', `/search?${parameters}`, 'image/png', this.#pictures[image]))!
        const found = new Set(hits.map(({ id }) => id))
        for (const id of found) assert.ok(stored.has(id), `${when}, ${id} is found and not stored`)
        if (parameters === 'k=10') assert.equal(hits.length, Math.min(10, stored.size), `${when}, picture ${image}`)
        else for (const id of wanted) assert.ok(found.has(id), `${when}, ${id} is not found by its picture`)
      }
    }
  }

  async #errorsOf({ jobId }: Upload): Promise<{ name: string; code: string }[] | undefined> {
    const text = await this.#text('GET', `/v1/jobs/${jobId}/errors`)
    return text
      ?.split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { name: string; code: string })
  }

  #pick(random: () => number): string | undefined {
    const free = this.#ledger.free()
    return free[Math.floor(random() * free.length)]
  }

  async #change(id: string, to: State, ask: () => Promise<unknown>): Promise<boolean> {
    this.#ledger.begin(id, to)
    const answered = (await ask()) !== undefined
    if (answered) this.#ledger.acknowledge(id, to)
    else this.#ledger.leave(id)
    return answered
  }
}
