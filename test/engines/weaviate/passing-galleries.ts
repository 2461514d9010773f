/** Galleries that are created, filled and deleted by a client of a service that is killed. */
import assert from 'node:assert/strict'
import { drawImage } from '../../support/drawn-images.js'
import { until } from '../../support/until.js'
import type { KilledGallery } from './killed-gallery.js'

interface Passing {
  path: string
  /** As acknowledged; undefined if the last request about it was not answered. */
  isThere: boolean | undefined
  ids: string[]
}

export class PassingGalleries {
  readonly acknowledged = { created: 0, deleted: 0 }
  readonly #killed: KilledGallery
  readonly #random: () => number
  #sent = 0
  #passing: Passing[] = []

  constructor(killed: KilledGallery, random: () => number) {
    this.#killed = killed
    this.#random = random
  }

  async passUntilKilled(): Promise<void> {
    while (!this.#killed.isKilled) {
      const one: Passing = { path: `/v1/galleries/passing-${this.#sent++}`, isThere: undefined, ids: [] }
      this.#passing.push(one)
      if (!(await this.#ask('PUT', one.path, {}))) continue
      this.acknowledged.created++
      one.isThere = true
      for (let n = 0; n < 3; n++) await this.#put(one, `${one.path} ${n}`)
      if (this.#random() < 0.3) continue
      one.isThere = undefined
      if (!(await this.#ask('DELETE', one.path))) continue
      this.acknowledged.deleted++
      one.isThere = false
    }
  }

  /** Each is as acknowledged; then all are deleted. */
  async expectAsAcknowledged(): Promise<void> {
    for (const { path, isThere, ids } of this.#passing) {
      if (isThere !== undefined) {
        const status = await until(async () => {
          const answer = await this.#killed.call('GET', path)
          return answer.status !== 503 && answer.status
        }, 'an answer about a gallery')
        assert.equal(status, isThere ? 200 : 404, path)
      }
      if (isThere === true)
        for (const id of ids) {
          const { status } = await this.#killed.call('GET', `${path}/images/${encodeURIComponent(id)}`)
          assert.equal(status, 200, `${id} was acknowledged`)
        }
      await until(async () => [204, 404].includes((await this.#killed.call('DELETE', path)).status), 'its deletion')
    }
    this.#passing = []
  }

  async #put({ path, ids }: Passing, id: string): Promise<void> {
    const image = await drawImage('circle', Math.floor(this.#random() * 1e9), { width: 24, height: 24 })
    if (await this.#ask('PUT', `${path}/images/${encodeURIComponent(id)}`, { image: image.toString('base64') }))
      ids.push(id)
  }

  async #ask(method: string, path: string, body?: object): Promise<boolean> {
    const { status } = await this.#killed.call(method, path, body)
    assert.ok(status < 300 || [429, 503].includes(status), `${method} ${path}: ${status}`)
    return status < 300
  }
}
