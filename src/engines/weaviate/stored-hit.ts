/** Pictures returned by this engine: they carry a stamp that distinguishes them from a picture that replaced them. */
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

/** `stamp` is omitted for a picture known only by its id: then whatever is stored under the id is meant. */
export function placeOf(image: Identified): { uuid: string; stamp?: number | undefined } {
  return 'stamp' in image ? (image as Stamped) : { uuid: uuidOf(image.id) }
}
