/**
 * Runs a sample of a gallery's searches on its other set too, in the background, at the lowest priority and one at a
 * time. The hits are not returned to anyone; only their overlap is counted.
 */
import type { ImageEmbedder } from '../embedding/image-embedder.js'
import type { Filter } from '../gallery/filter.js'
import type { Region } from '../image/region.js'
import type { SetFollowers } from './set-followers.js'
import type { SetMirrors } from './set-mirrors.js'

export interface ShadowOptions {
  followers: Pick<SetFollowers, 'setOf'>
  mirrors: SetMirrors
  images: ImageEmbedder
  /** One in this many searches of galleries with another set; 0: none. */
  every: number
  /** Number of best hits returned, how many of them the other set found too, and how long its search took. */
  onCompared(shown: number, same: number, searchMs: number): void
  /** A comparison failed: the set was removed, or there was no capacity. */
  onFailure(error: unknown): void
}

/** A search with one picture among all matching pictures. */
export interface ShadowedSearch {
  like: { bytes: Uint8Array; region?: Region | undefined } | { id: string }
  filter?: Filter | undefined
  excludeIds: readonly string[]
  /** Ids of the returned hits, best first. */
  shown: readonly string[]
}

const depth = 10

export class Shadow {
  readonly #options: ShadowOptions
  #seen = 0
  #isAtWork = false

  constructor(options: ShadowOptions) {
    this.#options = options
  }

  /** Reports an answered search. */
  offer(gallery: string, search: ShadowedSearch): void {
    const { every, followers } = this.#options
    const setUid = every === 0 ? undefined : followers.setOf(gallery)
    if (setUid === undefined || search.shown.length === 0 || ++this.#seen % every !== 0 || this.#isAtWork) return
    this.#isAtWork = true
    void this.#compare(gallery, setUid, search)
  }

  async #compare(gallery: string, setUid: string, { like, filter, excludeIds, shown }: ShadowedSearch): Promise<void> {
    const { mirrors, images, onCompared, onFailure } = this.#options
    try {
      const { mirror, set } = await mirrors.of(gallery, setUid)
      const vector =
        'id' in like
          ? await mirror.to.vector(like.id)
          : (await images.embed(like.bytes, { purpose: 'job', modelId: set.modelId, region: like.region })).vector
      if (vector === undefined) return
      const best = shown.slice(0, depth)
      const beganAt = performance.now()
      const found = await (await mirror.to.nearest({ vector, filter, excludeIds })).first(best.length)
      const searchMs = performance.now() - beganAt
      const ids = new Set(found.map(({ record }) => record.id))
      onCompared(best.length, best.filter((id) => ids.has(id)).length, searchMs)
    } catch (error) {
      onFailure(error)
    } finally {
      this.#isAtWork = false
    }
  }
}
