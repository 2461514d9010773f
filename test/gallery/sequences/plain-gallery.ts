/** What a gallery should contain: plain records, and the effect of each write on them. */
import { isDeepStrictEqual } from 'node:util'
import type { NewDecision } from '../../../src/gallery/decisions.js'
import type { Metadata } from '../../../src/gallery/metadata.js'
import type { ImageChange } from '../../../src/gallery/records.js'
import { models } from './models.js'
import type { Picture } from './pictures.js'
import { inTextOrder } from './plain-filter.js'
import { PlainSet } from './plain-set.js'

export interface PlainImage {
  id: string
  label: string | null
  metadata: Metadata
  picture: Picture
}

/** An image to store; what is undefined stays as it is. */
export interface PlainPut {
  id: string
  label: string | null | undefined
  metadata: Metadata | undefined
  picture: Picture
}

/** Of an image by another, as a person sees it. */
export interface PlainJudgement {
  query: string
  hit: string
  verdict: 'right' | 'wrong'
}

interface PlainDecision {
  number: number
  decision: NewDecision
  images: { id: string; contentHash: string; label: string | null; labelBefore: string | null }[]
}

export type PutOutcome = { created: boolean } | { unchanged: true } | { refused: 'gallery_full' }

const stored = (text: string) => text.normalize('NFC')
const storedLabel = (label: string | null) => label && stored(label)

export class PlainGallery {
  /** By id. Images are never changed in place, but replaced by others with the same `version` or a new one. */
  readonly images = new Map<string, PlainImage & { version: object }>()
  readonly #judgements: (PlainJudgement & { pictures: Picture[] })[] = []
  readonly decisions: PlainDecision[] = []
  /** The set that serves, since it does. */
  serving: PlainSet
  beside: PlainSet | undefined
  /** New images beyond that are refused. */
  maxImages = Infinity

  readonly #engine: { name: string; keepsJudgements: boolean }

  constructor(engine: { name: string; keepsJudgements: boolean }) {
    this.#engine = engine
    this.serving = new PlainSet({ model: models[0], engine: engine.name })
  }

  /** In order of arrival, without those of other pictures than the present ones. */
  get judgements(): PlainJudgement[] {
    return this.#judgements.filter(({ query, hit, pictures }) => areSame(pictures, this.#picturesOf(query, hit)))
  }

  copy(): PlainGallery {
    const copy = new PlainGallery(this.#engine)
    for (const [id, image] of this.images) copy.images.set(id, image)
    copy.#judgements.push(...this.#judgements)
    copy.decisions.push(...this.decisions)
    copy.serving = this.serving
    copy.beside = this.beside?.copy()
    copy.maxImages = this.maxImages
    return copy
  }

  /** Ids as they are listed. */
  ids(fits: (image: PlainImage) => boolean = () => true): string[] {
    return [...this.images].flatMap(([id, image]) => (fits(image) ? [id] : [])).sort(inTextOrder)
  }

  get(id: string): (PlainImage & { version: object }) | undefined {
    return this.images.get(stored(id))
  }

  put({ picture, ...said }: PlainPut, unlessSame = false): PutOutcome {
    const id = stored(said.id)
    const former = this.images.get(id)
    if (this.isFullFor(id)) return { refused: 'gallery_full' }
    const label = said.label === undefined ? (former?.label ?? null) : storedLabel(said.label)
    const metadata = said.metadata ?? former?.metadata ?? {}
    const isSame = former?.picture === picture && former.label === label && isDeepStrictEqual(former.metadata, metadata)
    if (unlessSame && isSame) return { unchanged: true }
    if (former !== undefined && former.picture !== picture) this.#forget(id)
    this.#store({ id, label, metadata, picture, version: {} })
    return { created: former === undefined }
  }

  isFullFor(id: string): boolean {
    return this.images.size >= this.maxImages && !this.images.has(stored(id))
  }

  /** @param picture only an image of this one */
  remove(given: string, picture?: Picture): boolean {
    const id = stored(given)
    const former = this.images.get(id)
    if (former === undefined || (picture !== undefined && former.picture !== picture)) return false
    this.#forget(id)
    this.beside?.note(id, undefined)
    return this.images.delete(id)
  }

  patch(given: string, change: Pick<ImageChange, 'label' | 'metadata' | 'merge'>): boolean {
    const former = this.get(given)
    if (former === undefined) return false
    const { label = former.label, metadata = former.metadata, merge } = change
    const merged = merge === undefined ? metadata : plainMerge(metadata, merge.members)
    this.#store({ ...former, label: storedLabel(label), metadata: merged })
    return true
  }

  judge(judgement: PlainJudgement): 'recorded' | 'changed' | 'unchanged' {
    const [query, hit] = [stored(judgement.query), stored(judgement.hit)]
    const pictures = this.#picturesOf(query, hit) as Picture[]
    const at = this.#judgements.findIndex((one) => one.query === query && one.hit === hit)
    const former = this.#judgements[at]
    if (former?.verdict === judgement.verdict && areSame(former.pictures, pictures)) return 'unchanged'
    if (former !== undefined) this.#judgements.splice(at, 1)
    this.#judgements.push({ ...judgement, query, hit, pictures })
    return former === undefined ? 'recorded' : 'changed'
  }

  decide(number: number, decision: NewDecision): void {
    const ids = [...new Set(decision.ids.map(stored))]
    const label = decision.decision === 'set-label' ? storedLabel(decision.label) : undefined
    const images = ids.map((id) => {
      const { picture, label: labelBefore } = this.images.get(id)!
      return { id, contentHash: picture.contentHash, label: label === undefined ? labelBefore : label, labelBefore }
    })
    this.decisions.push({ number, decision, images })
    if (label !== undefined) for (const id of ids) this.patch(id, { label })
    if (decision.decision === 'keep-one') for (const id of ids) if (id !== stored(decision.keep)) this.remove(id)
  }

  takeBack(number: number): void {
    const at = this.decisions.findIndex((one) => one.number === number)
    const [{ decision, images }] = this.decisions.splice(at, 1) as [PlainDecision]
    if (decision.decision !== 'set-label') return
    for (const { id, contentHash, label, labelBefore } of images) {
      const now = this.images.get(id)
      if (now?.picture.contentHash === contentHash && now.label === label) this.patch(id, { label: labelBefore })
    }
  }

  /** Another set is built; it is empty at first. */
  build(set: Pick<PlainSet, 'model' | 'engine'>): void {
    this.beside = new PlainSet(set)
    for (const [id, image] of this.images) this.beside.note(id, image)
  }

  /** The other set serves; the former one is kept. @param before images since when that may have happened */
  exchange(before: ReadonlyMap<string, PlainImage>): void {
    const former = this.serving
    this.serving = new PlainSet(this.beside!)
    this.beside = new PlainSet(former)
    this.beside.isLike(before)
    for (const id of new Set([...before.keys(), ...this.images.keys()]))
      if (this.images.get(id) !== before.get(id)) this.beside.note(id, this.images.get(id))
  }

  /** The same, at some time since the copy was last seen. */
  move(): void {
    const [former, copy] = [this.serving, this.beside!]
    this.serving = new PlainSet(copy)
    this.beside = copy.copy(former)
  }

  #store(image: PlainImage & { version: object }): void {
    this.images.set(image.id, image)
    this.beside?.note(image.id, image)
  }

  #picturesOf(...ids: string[]): (Picture | undefined)[] {
    return ids.map((id) => this.images.get(id)?.picture)
  }

  #forget(id: string): void {
    if (this.#engine.keepsJudgements) return
    for (let i = this.#judgements.length - 1; i >= 0; i--)
      if (this.#judgements[i]!.query === id || this.#judgements[i]!.hit === id) this.#judgements.splice(i, 1)
  }
}

const areSame = (some: readonly Picture[], others: readonly (Picture | undefined)[]) =>
  some.every((picture, i) => picture === others[i])

/** RFC 7396; drawn metadata has objects at the top level alone. */
function plainMerge(stored: Metadata, members: Metadata): Metadata {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  const merged = { ...stored }
  for (const [name, value] of Object.entries(members)) {
    if (isObject(value))
      merged[name] = plainMerge((isObject(stored[name]) ? stored[name] : {}) as Metadata, value as Metadata)
    else if (value === null) delete merged[name]
    else merged[name] = value
  }
  return merged
}
