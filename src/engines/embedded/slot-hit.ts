/** Pictures that this engine gave out: they carry their slots, so that nobody looks them up again. */
import type { Identified } from '../../gallery/engine.js'
import { type HitFields, HitRecord } from '../../gallery/hit-record.js'

/** A picture as it was stored under this slot; one that took its place has another. */
export interface Placed extends Identified {
  readonly slot: number
}

export class SlotHit extends HitRecord implements Placed {
  readonly slot: number

  constructor(slot: number, fields: HitFields, extras?: ConstructorParameters<typeof HitRecord>[1]) {
    super(fields, extras)
    this.slot = slot
  }
}

export function isPlaced(image: Identified): image is Placed {
  return 'slot' in image
}
