/** One mirror per gallery with two sets, so that all writers to the other set wait for each other. */
import { AlikeError } from '../errors.js'
import type { GallerySet } from '../gallery/gallery-sets.js'
import { type MirrorParts, SetMirror } from './set-mirror.js'

interface Known {
  servingUid: string
  mirror: Promise<SetMirror>
}

export class SetMirrors {
  readonly #parts: MirrorParts
  /** Keyed by uid of the set that is not serving. */
  readonly #known = new Map<string, Known>()

  constructor(parts: MirrorParts) {
    this.#parts = parts
  }

  /** @throws AlikeError `gallery_not_found`, `set_not_found` */
  async of(gallery: string, setUid: string): Promise<{ mirror: SetMirror; set: GallerySet }> {
    const sets = await this.#parts.galleries.sets.list(gallery)
    const set = sets.find(({ uid }) => uid === setUid)
    const serving = sets.find(({ stage }) => stage === 'serving')
    if (set === undefined || serving === undefined || set === serving) throw new AlikeError('set_not_found')
    let known = this.#known.get(setUid)
    if (known?.servingUid !== serving.uid) {
      known = { servingUid: serving.uid, mirror: SetMirror.open(this.#parts, { gallery, serving, set }) }
      this.#known.set(setUid, known)
      known.mirror.catch(() => this.#known.delete(setUid))
    }
    return { mirror: await known.mirror, set }
  }

  forget(setUid: string): void {
    this.#known.delete(setUid)
  }
}
