/** Bulk jobs of a gallery that is killed: each upload is sent with a key until it is acknowledged, and followed until its job has ended. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { drawImage, drawnLabels } from '../../support/drawn-images.js'
import type { Job } from '../../support/jobs.js'
import { gallery, type KilledGallery } from './killed-gallery.js'

const picturesOfJob = 60
const changesOfJob = 10

interface Upload {
  key: string
  lines: string
  /** Of each id when the job has succeeded; undefined: removed. */
  labels: Map<string, string | undefined>
  jobId?: string
}

export class KilledUploads {
  /** Jobs that have succeeded. */
  done = 0
  readonly #killed: KilledGallery
  readonly #random: () => number
  #sent = 0
  #waiting: Upload[] = []
  /** Ids of former jobs that no other upload names. */
  #free: string[] = []

  constructor(killed: KilledGallery, random: () => number) {
    this.#killed = killed
    this.#random = random
  }

  async sendUntilKilled(): Promise<void> {
    while (!this.#killed.isKilled) {
      if (this.#waiting.length < 3) this.#waiting.push(await this.#make())
      for (const upload of this.#waiting) if (upload.jobId === undefined) await this.#send(upload)
      await sleep(200 + this.#random() * 500)
    }
  }

  /** Sends again what was not acknowledged. */
  async untilEnded(): Promise<void> {
    for (const upload of this.#waiting) {
      while (upload.jobId === undefined) await this.#send(upload)
      const job = await this.#killed.untilEnded(upload.jobId)
      const isWhole = job.state === 'succeeded'
      if (isWhole)
        assert.deepEqual([job.done, job.failed], [upload.labels.size, 0], `job ${job.id}: ${JSON.stringify(job)}`)
      else await this.#expectCrash(job)
      this.done += Number(isWhole)
      this.#killed.jobEnded(upload.labels, { isWhole })
      if (isWhole) this.#free.push(...[...upload.labels].flatMap(([id, label]) => (label === undefined ? [] : id)))
    }
    this.#waiting = []
  }

  /** The service gives up a job, or pictures, in which it has ended too often. */
  async #expectCrash(job: Job): Promise<void> {
    if (job.state === 'completed_with_errors') {
      const text = await (await fetch(`${this.#killed.parts.address}/v1/jobs/${job.id}/errors`)).text()
      const errors = text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { code: string })
      const codes = ['job_interrupted', 'image_ended_process']
      assert.ok(errors.length > 0 && errors.every(({ code }) => codes.includes(code)), text)
    } else assert.deepEqual([job.state, job.failure?.code], ['failed', 'job_interrupted'], JSON.stringify(job))
  }

  async #make(): Promise<Upload> {
    const n = this.#sent++
    const labels = new Map<string, string | undefined>()
    const lines: object[] = []
    for (const id of this.#free.splice(0, changesOfJob)) {
      const isRemoval = this.#random() < 0.5
      labels.set(id, isRemoval ? undefined : `job ${n}`)
      lines.push(isRemoval ? { delete: { id } } : { patch: { id, label: `job ${n}` } })
    }
    for (let i = 0; i < picturesOfJob; i++) {
      const [id, label] = [`j${n}-${i}`, drawnLabels[i % drawnLabels.length]!]
      const image = await drawImage(label, Math.floor(this.#random() * 1e9), { width: 24, height: 24 })
      labels.set(id, label)
      lines.push({ add: { id, label, image: image.toString('base64') } })
    }
    return { key: `upload ${n}`, lines: lines.map((line) => JSON.stringify(line)).join('\n'), labels }
  }

  async #send(upload: Upload): Promise<void> {
    this.#killed.jobBegins(upload.labels.keys())
    const { status, given } = await this.#killed.send<Job & { code: string }>(`${gallery}/ingest`, {
      body: upload.lines,
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': upload.key },
    })
    if (status === 202) upload.jobId = given.id
    else assert.ok([429, 503].includes(status), `${status} ${JSON.stringify(given)}`)
  }
}
