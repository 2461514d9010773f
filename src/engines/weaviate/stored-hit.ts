/** Pictures returned by this engine: they carry a stamp that distinguishes them from a picture that replaced them. */
import type { Identified } from '../../gallery/engine.js'
import { type HitFields, HitRecord } from '../../gallery/hit-record.js'
import { uuidOf } from './image-object.js'
import type { Consistency } from './weaviate-settings.js'

export interface Stamped extends Identified {
  readonly uuid: string
  readonly stamp: number
  /** Found by comparing replicas: the one that answers next may not have it. */
  readonly isCompared?: boolean
}

export class StoredHit extends HitRecord implements Stamped {
  readonly uuid: string
  readonly stamp: number
  readonly isCompared: boolean

  constructor(
    { uuid, stamp, isCompared }: Required<Pick<Stamped, 'uuid' | 'stamp' | 'isCompared'>>,
    fields: HitFields,
    extras?: ConstructorParameters<typeof HitRecord>[1],
  ) {
    super(fields, extras)
    this.uuid = uuid
    this.stamp = stamp
    this.isCompared = isCompared
  }
}

/** `stamp` is omitted for a picture known only by its id: then whatever is stored under the id is meant. */
export function placeOf(image: Identified): Pick<Stamped, 'uuid'> & Partial<Pick<Stamped, 'stamp' | 'isCompared'>> {
  return 'stamp' in image ? (image as Stamped) : { uuid: uuidOf(image.id) }
}

/** For reading these again: hits of the index come from one replica, which still has them. Undefined: as configured. */
export function consistencyOf(images: readonly Identified[]): Consistency | undefined {
  return images.some((image) => 'isCompared' in image && image.isCompared === true) ? undefined : 'one'
}
