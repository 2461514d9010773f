/** Judgements of hits of one gallery, with the current state of its images, whatever engine they are in. */
import { AlikeError } from '../errors.js'
import { inStoredForm } from '../text.js'
import type { OpenSet } from './engine.js'
import type {
  FeedbackCounts,
  FeedbackQuery,
  FeedbackStore,
  JudgedHit,
  Judgement,
  JudgementFilter,
  KeptJudgement,
  StoredJudgement,
} from './feedback.js'
import type { ImageRecord } from './records.js'

export interface GalleryFeedbackOptions {
  galleryUid: string
  store: FeedbackStore
  /** The serving set. */
  set: Pick<OpenSet, 'find'>
}

export class GalleryFeedback {
  readonly #options: GalleryFeedbackOptions

  constructor(options: GalleryFeedbackOptions) {
    this.#options = options
  }

  /** All or none. @throws AlikeError `gallery_not_found`, `image_not_found`, `feedback_full`, `storage_full`, `overloaded` */
  async record(judgements: readonly Judgement[]): Promise<FeedbackCounts> {
    const images = await this.#imagesOf(judgements)
    const judged = judgements.map((judgement) => judgedHit(judgement, images))
    return this.#options.store.record(this.#options.galleryUid, judged)
  }

  /**
   * In order of arrival, without those about an image that is gone or has been replaced.
   * @param after `number` of the last one read; 0: from the first
   */
  async page(after: number, limit: number, { query, by }: JudgementFilter = {}): Promise<StoredJudgement[]> {
    const { galleryUid, store } = this.#options
    const filter = { query: query && (await this.#inStoredForm(query)), by }
    for (let last = after; ; ) {
      const kept = await store.page(galleryUid, last, limit, filter)
      const images = await this.#imagesOf(kept)
      const found = kept.flatMap((judgement) => judgementsOf(judgement, images))
      if (found.length > 0 || kept.length === 0) return found
      last = kept.at(-1)!.number
    }
  }

  async #inStoredForm(query: FeedbackQuery): Promise<FeedbackQuery> {
    if (!('id' in query)) return query
    const [image] = await this.#options.set.find([query.id])
    return { id: image?.id ?? query.id }
  }

  async #imagesOf(judgements: readonly Judgement[]): Promise<ReadonlyMap<string, ImageRecord>> {
    const ids = new Set(judgements.flatMap(({ hit, query }) => ('id' in query ? [hit, query.id] : [hit])))
    const images = new Map<string, ImageRecord>()
    for (const image of await this.#options.set.find([...ids])) images.set(image.id, image)
    return images
  }
}

/** @throws AlikeError `image_not_found` */
function judgedHit(judgement: Judgement, images: ReadonlyMap<string, ImageRecord>): JudgedHit {
  const { query } = judgement
  const hit = expected(judgement.hit, images)
  if (!('id' in query))
    return {
      ...judgement,
      hit: hit.id,
      hitHash: hit.contentHash,
      ...('contentHash' in query && { queryHash: query.contentHash }),
    }
  const image = expected(query.id, images)
  return { ...judgement, query: { id: image.id }, queryHash: image.contentHash, hit: hit.id, hitHash: hit.contentHash }
}

function expected(id: string, images: ReadonlyMap<string, ImageRecord>): ImageRecord {
  const image = inStoredForm(id, (form) => images.get(form))
  if (image === undefined) throw new AlikeError('image_not_found', { detail: `There is no ${id}.` })
  return image
}

function judgementsOf(judgement: KeptJudgement, images: ReadonlyMap<string, ImageRecord>): StoredJudgement[] {
  const { query, queryHash, hit, hitHash } = judgement
  const judged = images.get(hit)
  if (judged === undefined || isAnother(judged, hitHash)) return []
  if (!('id' in query)) return [{ ...judgement, hitLabel: judged.label }]
  const image = images.get(query.id)
  if (image === undefined || isAnother(image, queryHash)) return []
  return [{ ...judgement, queryLabel: image.label, hitLabel: judged.label }]
}

/** Unknown for an image whose record is damaged. */
function isAnother({ contentHash, unreadable }: ImageRecord, known: string | undefined): boolean {
  return unreadable === undefined && contentHash !== known
}
