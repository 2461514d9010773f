/** Pictures returned by this engine carry their slots, so that they need no second look-up. */
import type { Identified } from '../../gallery/engine.js'
import { type HitFields, HitRecord } from '../../gallery/hit-record.js'

/** A picture as stored under this slot; a picture that replaced it has another slot. */
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
