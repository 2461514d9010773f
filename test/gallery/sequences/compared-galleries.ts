/** Galleries, and what they should contain; the steps of a sequence change both and compare them. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hasCode } from '../../../src/errors.js'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { TestedEngine } from '../tested-engine.js'
import { models, type SetModel } from './models.js'
import type { OpenPage } from './paging-steps.js'
import { PlainGallery } from './plain-gallery.js'
import type { ReopenedGalleries } from './reopened-galleries.js'

export class ComparedGalleries {
  galleries: Galleries
  /** By name; those that exist. */
  plain = new Map<string, PlainGallery>()
  /** Pages that may still be asked for. */
  pages: OpenPage[] = []
  readonly reopening: ReopenedGalleries

  readonly #engine: Pick<TestedEngine, 'name' | 'keepsJudgements'>

  constructor(
    galleries: Galleries,
    reopening: ReopenedGalleries,
    engine: Pick<TestedEngine, 'name' | 'keepsJudgements'>,
  ) {
    this.galleries = galleries
    this.reopening = reopening
    this.#engine = engine
  }

  async create(name: string): Promise<void> {
    const { created } = await this.galleries.create(name)
    assert.equal(created, !this.plain.has(name))
    if (created) this.plain.set(name, new PlainGallery(this.#engine))
  }

  async delete(name: string): Promise<void> {
    const deleted = this.galleries.delete(name)
    if (!this.plain.has(name)) return assert.rejects(deleted, { code: 'gallery_not_found' })
    await deleted
    this.plain.delete(name)
    for (const page of this.pages) page.hasExpired ||= page.names.includes(name)
  }

  /** Of the pictures that the gallery takes. */
  modelOf(name: string): SetModel {
    return this.plain.get(name)?.serving.model ?? models[0]
  }

  /** As callers do who embed pictures: once more if another model's set serves by then. */
  async embedded<Answer>(name: string, put: (modelId: string) => Promise<Answer>): Promise<Answer> {
    const model = this.modelOf(name)
    try {
      return await put(model.id)
    } catch (error) {
      if (!hasCode(error, 'serving_changed')) throw error
      return put(models.find((one) => one !== model)!.id)
    }
  }

  /** Why they cannot be searched together. */
  obstacleOf(names: readonly string[]): 'gallery_not_found' | 'model_mismatch' | undefined {
    if (names.some((one) => !this.plain.has(one))) return 'gallery_not_found'
    return new Set(names.map((one) => this.modelOf(one))).size > 1 ? 'model_mismatch' : undefined
  }

  /** `compare` is called if there is such a gallery; otherwise `call` has to fail. */
  async of<Answer>(
    name: string,
    call: (galleries: Galleries, name: string) => Promise<Answer>,
    compare: (plain: PlainGallery, answer: () => Promise<Answer>) => Promise<unknown>,
  ): Promise<void> {
    const plain = this.plain.get(name)
    if (plain === undefined) await assert.rejects(call(this.galleries, name), { code: 'gallery_not_found' })
    else await compare(plain, () => call(this.galleries, name))
  }
}

/** One call of a sequence; printed by its name and what was drawn for it. */
export class Step {
  readonly name: string
  readonly given: unknown
  readonly take: (at: ComparedGalleries) => Promise<unknown>

  constructor(name: string, given: unknown, take: (at: ComparedGalleries) => Promise<unknown>) {
    this.name = name
    this.given = given
    this.take = take
  }

  [fc.toStringMethod](): string {
    return `${this.name} ${fc.stringify(this.given)}`
  }
}

export function step<Given>(
  name: string,
  given: fc.Arbitrary<Given>,
  take: (at: ComparedGalleries, given: Given) => Promise<unknown>,
): fc.Arbitrary<Step> {
  return given.map((drawn) => new Step(name, drawn, (at) => take(at, drawn)))
}

/** Names of the galleries of a sequence. */
export const names = ['a', 'b'] as const
export const name = fc.oneof({ weight: 5, arbitrary: fc.constant(names[0]) }, fc.constant(names[1]))
