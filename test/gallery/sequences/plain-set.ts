/** What a set that does not serve may show: the gallery as it is or, of each image, as it was. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { SetModel } from './models.js'
import type { PlainImage } from './plain-gallery.js'

/** Undefined: it is not there. */
type State = PlainImage | undefined

export interface ShownImage extends Omit<PlainImage, 'picture' | 'id'> {
  contentHash: string
}

export class PlainSet {
  readonly model: SetModel
  readonly engine: string
  /** By id, of each image the states since the one that was seen last; those of others: it was never there. */
  readonly #states: Map<string, State[]>

  constructor({ model, engine }: Pick<PlainSet, 'model' | 'engine'>, states = new Map<string, State[]>()) {
    this.model = model
    this.engine = engine
    this.#states = states
  }

  /** @param of whose states may be the same */
  copy(of: Pick<PlainSet, 'model' | 'engine'> = this): PlainSet {
    return new PlainSet(of, new Map(Array.from(this.#states, ([id, states]) => [id, [...states]])))
  }

  /** The gallery changes. */
  note(id: string, state: State): void {
    this.#states.set(id, [...this.#statesOf(id), state])
  }

  /** It contains what the gallery does. */
  isLike(images: ReadonlyMap<string, PlainImage>): void {
    this.#states.clear()
    for (const [id, image] of images) this.#states.set(id, [image])
  }

  /** Whether a search may find this image there. */
  mayShow(id: string, fits: (image: PlainImage) => boolean): boolean {
    return this.#statesOf(id).some((state) => state !== undefined && fits(state))
  }

  /**
   * All that is there: nothing returns to what it was before it was last seen.
   * @param isPartial those that are being replaced may be missing
   */
  show(shown: ReadonlyMap<string, ShownImage>, isPartial: boolean): void {
    for (const id of new Set([...this.#states.keys(), ...shown.keys()])) {
      if (isPartial && !shown.has(id)) continue
      const states = this.#statesOf(id)
      const seen = states.findIndex((state) => isDeepStrictEqual(state && asShown(state), shown.get(id)))
      assert.ok(seen >= 0, `${id} is shown as it no longer was when it was last seen: ${JSON.stringify(shown.get(id))}`)
      this.#states.set(id, states.slice(seen))
    }
  }

  #statesOf(id: string): State[] {
    return this.#states.get(id) ?? [undefined]
  }
}

export function asShown({ label, metadata, picture }: PlainImage): ShownImage {
  return { label, metadata, contentHash: picture.contentHash }
}
