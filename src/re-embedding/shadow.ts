/**
 * The other set of a gallery, asked what people ask the one that serves: some searches are answered by it, too, in the
 * background and behind all others, one at a time. Nobody is shown its hits; how many of them are the same is counted.
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
  /** One search in so many, of galleries that have another set; 0: none. */
  every: number
  /** Of so many best hits that were shown, so many are among the best of the other set; and how long it took to find those. */
  onCompared(shown: number, same: number, searchMs: number): void
  /** One that came to nothing: the set was removed, or there was no room. */
  onFailure(error: unknown): void
}

/** A search by one picture, among all pictures that fit. */
export interface ShadowedSearch {
  like: { bytes: Uint8Array; region?: Region | undefined } | { id: string }
  filter?: Filter | undefined
  excludeIds: readonly string[]
  /** Ids of the hits that were shown, best first. */
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

  /** Told of a search that was answered. */
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
      const asked =
        'id' in like
          ? await mirror.to.vector(like.id)
          : (await images.embed(like.bytes, { purpose: 'job', modelId: set.modelId, region: like.region })).vector
      if (asked === undefined) return
      const best = shown.slice(0, depth)
      const beganAt = performance.now()
      const found = await (await mirror.to.nearest({ vector: asked, filter, excludeIds })).first(best.length)
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
