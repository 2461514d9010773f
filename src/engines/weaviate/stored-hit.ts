/** Pictures that this engine gave out: they carry what tells them from one that took their place. */
import type { Identified } from '../../gallery/engine.js'
import { type HitFields, HitRecord } from '../../gallery/hit-record.js'
import { uuidOf } from './image-object.js'

export interface Stamped extends Identified {
  readonly uuid: string
  readonly stamp: number
}

export class StoredHit extends HitRecord implements Stamped {
  readonly uuid: string
  readonly stamp: number

  constructor(
    { uuid, stamp }: Pick<Stamped, 'uuid' | 'stamp'>,
    fields: HitFields,
    extras?: ConstructorParameters<typeof HitRecord>[1],
  ) {
    super(fields, extras)
    this.uuid = uuid
    this.stamp = stamp
  }
}

/** `stamp` is left out for a picture that is only known by its id: whatever is stored under it is meant. */
export function placeOf(image: Identified): { uuid: string; stamp?: number | undefined } {
  return 'stamp' in image ? (image as Stamped) : { uuid: uuidOf(image.id) }
}
