/** The state of pictures affected by a group of changes: computed in memory, written at the end. */
import { AlikeError } from '../../errors.js'
import {
  type ImageRecord,
  type ImageStep,
  type NewImage,
  type PutStep,
  type RemoveStep,
  referenceOf,
  type StepResult,
  storedTexts,
} from '../../gallery/records.js'
import type { ChangeClock } from './change-clock.js'
import type { NewObject } from './collection-writes.js'
import type { ImageCollection } from './image-collection.js'
import { propertiesOf, recordOf, recordProperties, uuidOf } from './image-object.js'
import { enterMissing, type StoredVector } from './missing-in-graph.js'
import type { UnacknowledgedWrites } from './unacknowledged-writes.js'

export interface Terms {
  clock: ChangeClock
  /** How many pictures may still be added. */
  room: number
  imagesMax: number
}

export interface ChangedSet {
  collection: ImageCollection
  unacknowledged: UnacknowledgedWrites
}

export interface Applied {
  results: StepResult[]
  /** Objects written for it. */
  uuids: string[]
  /** The picture of the last step, after the change. */
  record: ImageRecord | undefined
}

/** `object` is to be written; without one the picture is already stored. */
interface Present {
  record: ImageRecord
  /** Stored by a request that failed; after an `addition` no caller has been told that it exists. */
  unacknowledged?: 'addition' | 'replacement' | undefined
  object?: NewObject | undefined
  /** Of the stored object. */
  stamp?: number | undefined
}

type State = Present | 'absent'

const idOf = (step: ImageStep) => ('put' in step ? step.put.id : step.remove)

export class ChangedImages {
  readonly #collection: ImageCollection
  readonly #unacknowledged: UnacknowledgedWrites
  /** As stored, by uuid. */
  readonly #stored: ReadonlyMap<string, State>
  /** … and after the changes applied so far. */
  readonly #after = new Map<string, State>()
  /** What was to be put and is stored already. */
  readonly #unchanged = new Map<string, StoredVector>()
  #added = 0

  private constructor({ collection, unacknowledged }: ChangedSet, stored: ReadonlyMap<string, State>) {
    this.#collection = collection
    this.#unacknowledged = unacknowledged
    this.#stored = stored
  }

  static async read(set: ChangedSet, steps: readonly ImageStep[]): Promise<ChangedImages> {
    const uuids = steps.map((step) => uuidOf(idOf(step)))
    const found = await set.collection.ofIds(uuids, { properties: recordProperties })
    const stored = [...found].map(([uuid, one]): [string, State] => [
      uuid,
      {
        record: recordOf(one),
        unacknowledged: set.unacknowledged.find(uuid, one.properties.contentHash!),
        stamp: one.properties.stamp!,
      },
    ])
    return new ChangedImages(set, new Map(stored))
  }

  /** All of the steps or none. @throws AlikeError `gallery_full` */
  apply(steps: readonly ImageStep[], terms: Terms): Applied {
    const changed = new Map<string, State>()
    const results = steps.map((step) => {
      const uuid = uuidOf(idOf(step))
      const state = changed.get(uuid) ?? this.#now(uuid)
      const [result, after] = 'put' in step ? put(uuid, step, state, terms.clock) : removed(step, state)
      if (after !== state) changed.set(uuid, after)
      else if ('put' in step && state !== 'absent' && state.stamp !== undefined)
        this.#unchanged.set(uuid, { uuid, vector: step.put.vector, stamp: state.stamp })
      return result
    })
    let added = 0
    for (const [uuid, state] of changed) added += Number(state !== 'absent') - Number(this.#now(uuid) !== 'absent')
    if (added > 0 && this.#added + added > terms.room)
      throw new AlikeError('gallery_full', { detail: `The maximum is ${terms.imagesMax} pictures.` })
    this.#added += added
    for (const [uuid, state] of changed) this.#after.set(uuid, state)
    const last = steps.at(-1) && this.#now(uuidOf(idOf(steps.at(-1)!)))
    return { results, uuids: [...changed.keys()], record: last === 'absent' ? undefined : last?.record }
  }

  /** @returns the error of each object that could not be written, by uuid */
  async write(): Promise<Map<string, AlikeError>> {
    const failures = new Map<string, AlikeError>()
    const objects = [...this.#after.values()].flatMap((state) => (state === 'absent' ? [] : (state.object ?? [])))
    for (const { uuid, properties } of objects) {
      const isAddition = isNew(this.#stored.get(uuid) ?? 'absent')
      this.#unacknowledged.begin(uuid, { contentHash: properties.contentHash, isAddition })
    }
    const results = await this.#collection.writes.put(objects)
    objects.forEach(({ uuid }, i) => {
      const failure = results[i]
      if (failure !== undefined) failures.set(uuid, failure)
    })
    const gone = [...this.#after].flatMap(([uuid, state]) =>
      state === 'absent' && this.#stored.has(uuid) ? [uuid] : [],
    )
    if (gone.length > 0) await this.#collection.writes.remove(gone)
    const unchanged = [...this.#unchanged.values()].filter(({ uuid }) => !this.#after.has(uuid))
    await enterMissing(this.#collection, unchanged)
    return failures
  }

  #now(uuid: string): State {
    return this.#after.get(uuid) ?? this.#stored.get(uuid) ?? 'absent'
  }
}

/** Whether no caller has been told that it exists: writing it counts as adding. */
function isNew(state: State): boolean {
  return state === 'absent' || state.unacknowledged === 'addition'
}

/** Resolves omitted values from what is stored now, and normalises the text. */
function put(uuid: string, { put: image, unlessSame }: PutStep, state: State, clock: ChangeClock): [StepResult, State] {
  const present = state === 'absent' ? undefined : state
  const former = present?.record
  const { label = former?.label ?? null, metadata = former?.metadata ?? {} } = image
  const reference = referenceOf(image, former)
  const texts = storedTexts({ ...image, label })
  const said: NewImage = { ...image, ...texts, id: former?.id ?? texts.id, metadata, reference }
  // what a failed write has stored may be missing from the graph
  const isAcknowledged = present?.unacknowledged === undefined
  if (unlessSame && isAcknowledged && former !== undefined && isSame(former, said)) return [{ unchanged: true }, state]
  const at = clock.now()
  const properties = propertiesOf(said, {
    createdAt: (image.updatedAt && image.createdAt) || former?.createdAt || image.createdAt || at,
    updatedAt: image.updatedAt || at,
    stamp: clock.stamp(),
  })
  const object = { uuid, properties, vector: image.vector }
  return [{ created: isNew(state) }, { record: recordOf({ uuid, properties, vector: [] }), object }]
}

function removed({ contentHash }: RemoveStep, state: State): [StepResult, State] {
  const isMeant = state !== 'absent' && (contentHash ?? state.record.contentHash) === state.record.contentHash
  return isMeant ? [{ removed: true }, 'absent'] : [{ absent: true }, state]
}

function isSame(former: ImageRecord, { contentHash, modelId, label, metadata, reference }: NewImage): boolean {
  return (
    former.contentHash === contentHash &&
    former.modelId === modelId &&
    former.label === label &&
    former.reference === reference &&
    JSON.stringify(former.metadata) === JSON.stringify(metadata)
  )
}
