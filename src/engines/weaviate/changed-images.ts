/** The state of pictures affected by a group of changes: computed in memory, written at the end. */
import pMap from 'p-map'
import { AlikeError } from '../../errors.js'
import { mergedMetadata } from '../../gallery/merged-metadata.js'
import { holds, preconditionFailed } from '../../gallery/precondition.js'
import {
  type ImageRecord,
  type ImageStep,
  idOfStep,
  isMeant,
  isSameImage,
  type NewImage,
  type PatchStep,
  type PutStep,
  type RemoveStep,
  referenceOf,
  type StepResult,
  storedTexts,
} from '../../gallery/records.js'
import { nfc } from '../../text.js'
import type { ChangeClock } from './change-clock.js'
import type { NewObject } from './collection-writes.js'
import { undescribedToken } from './filter-tokens.js'
import type { ImageCollection } from './image-collection.js'
import {
  describingProperties,
  type ImageProperties,
  propertiesOf,
  recordOf,
  recordProperties,
  uuidOf,
} from './image-object.js'
import { enterMissing, isRecent, type StoredVector } from './missing-in-graph.js'
import type { UnacknowledgedWrites } from './unacknowledged-writes.js'

export interface Terms {
  clock: ChangeClock
  /** Pictures that were stored before any of these changes; needed if some are put. */
  count: number
  /** Maximum pictures in any set: nothing of a change that exceeds it is written. */
  setImagesMax: number
  /** See `ChangeOptions`. */
  maxImages: number
}

export interface ChangedSet {
  collection: ImageCollection
  unacknowledged: UnacknowledgedWrites
}

export interface Applied {
  results: StepResult[]
  /** Objects written or changed for it. */
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
  /** Changes of the stored object. */
  patch?: Partial<ImageProperties> | undefined
  /** Of the stored object. */
  stamp?: number | undefined
  /** The same; read only for changes that patch. */
  tokens?: readonly string[] | undefined
}

type State = Present | 'absent'

/** Objects changed at a time. */
const patchedAtOnce = 8

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
    const uuids = steps.map((step) => uuidOf(idOfStep(step)))
    const isPatching = steps.some((step) => 'patch' in step)
    const properties = isPatching ? ([...recordProperties, 'tokens'] as const) : recordProperties
    const found = await set.collection.ofIds(uuids, { properties })
    const stored = [...found].map(([uuid, one]): [string, State] => [
      uuid,
      {
        record: recordOf(one),
        unacknowledged: set.unacknowledged.find(uuid, one.properties.contentHash!),
        stamp: one.properties.stamp!,
        tokens: one.properties.tokens,
      },
    ])
    return new ChangedImages(set, new Map(stored))
  }

  /** All of the steps that are not refused, or none. @throws AlikeError `gallery_full` beyond `setImagesMax` */
  apply(steps: readonly ImageStep[], terms: Terms): Applied {
    const changed = new Map<string, State>()
    const stored = terms.count + this.#added
    let added = 0
    const results = steps.map((step): StepResult => {
      const uuid = uuidOf(idOfStep(step))
      const state = changed.get(uuid) ?? this.#now(uuid)
      const [result, after] = applied(uuid, step, state, terms.clock)
      if (state === 'absent' && after !== 'absent' && stored + added >= terms.maxImages)
        return { refused: 'gallery_full' }
      added += Number(after !== 'absent') - Number(state !== 'absent')
      if (after !== state) changed.set(uuid, after)
      else if ('put' in step && 'unchanged' in result && state !== 'absent' && state.stamp !== undefined)
        this.#unchanged.set(uuid, { uuid, vector: step.put.vector, stamp: state.stamp })
      return result
    })
    if (added > 0 && stored + added > terms.setImagesMax)
      throw new AlikeError('gallery_full', { detail: `The maximum is ${terms.setImagesMax} pictures.` })
    this.#added += added
    for (const [uuid, state] of changed) this.#after.set(uuid, state)
    const last = steps.at(-1) && this.#now(uuidOf(idOfStep(steps.at(-1)!)))
    return { results, uuids: [...changed.keys()], record: last === 'absent' ? undefined : last?.record }
  }

  /**
   * @returns the error of each object that could not be written, by uuid; `image_not_found` for one that another process has
   * removed before it could be patched
   */
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
    await this.#patch(failures)
    const gone = [...this.#after].flatMap(([uuid, state]) =>
      state === 'absent' && this.#stored.has(uuid) ? [uuid] : [],
    )
    if (gone.length > 0) await this.#collection.writes.remove(gone)
    const unchanged = [...this.#unchanged.values()].filter(
      (one) => isRecent(one) && !this.#isPut(one.uuid) && this.#now(one.uuid) !== 'absent',
    )
    await enterMissing(this.#collection, unchanged)
    return failures
  }

  async #patch(failures: Map<string, AlikeError>): Promise<void> {
    const patches = [...this.#after].flatMap(([uuid, state]) =>
      state === 'absent' || state.patch === undefined ? [] : [{ uuid, properties: state.patch }],
    )
    const patch = ({ uuid, properties }: (typeof patches)[number]) =>
      this.#collection.writes.merge(uuid, properties).catch((error: unknown) => {
        if (!(error instanceof AlikeError)) throw error
        failures.set(uuid, error)
      })
    await pMap(patches, patch, { concurrency: patchedAtOnce })
  }

  /** Their callers will be told. A patch tells nobody whether the picture was added. */
  acknowledge(uuids: readonly string[]): void {
    for (const uuid of uuids) if (this.#isPut(uuid) || this.#now(uuid) === 'absent') this.#unacknowledged.end(uuid)
  }

  #isPut(uuid: string): boolean {
    const state = this.#after.get(uuid)
    return state !== undefined && state !== 'absent' && state.object !== undefined
  }

  #now(uuid: string): State {
    return this.#after.get(uuid) ?? this.#stored.get(uuid) ?? 'absent'
  }
}

/** Whether no caller has been told that it exists: writing it counts as adding. */
function isNew(state: State): boolean {
  return state === 'absent' || state.unacknowledged === 'addition'
}

function applied(uuid: string, step: ImageStep, state: State, clock: ChangeClock): [StepResult, State] {
  if ('put' in step) return put(uuid, step, state, clock)
  return 'patch' in step ? patched(step, state, clock) : removed(step, state)
}

/** Resolves omitted values from what is stored now, and normalises the text. */
function put(uuid: string, step: PutStep, state: State, clock: ChangeClock): [StepResult, State] {
  const { put: image, unlessSame, onlyIf } = step
  const present = state === 'absent' ? undefined : state
  const former = present?.record
  if (!holds(onlyIf, former)) return [preconditionFailed, state]
  const { label = former?.label ?? null, metadata = former?.metadata ?? {} } = image
  const reference = referenceOf(image, former)
  const texts = storedTexts({ ...image, label })
  const resolved: NewImage = { ...image, ...texts, id: former?.id ?? texts.id, metadata, reference }
  // what a failed write has stored may be missing from the graph
  const isAcknowledged = present?.unacknowledged === undefined
  if (unlessSame && isAcknowledged && former !== undefined && isSameImage(former, resolved))
    return [{ unchanged: true }, state]
  const at = clock.now()
  const properties = propertiesOf(resolved, {
    createdAt: (image.updatedAt && image.createdAt) || former?.createdAt || image.createdAt || at,
    updatedAt: image.updatedAt || at,
    stamp: clock.stamp(),
  })
  const object = { uuid, properties, vector: image.vector }
  return [{ created: isNew(state) }, { record: recordOf({ uuid, properties, vector: [] }), object }]
}

function patched({ change, onlyIf }: PatchStep, state: State, clock: ChangeClock): [StepResult, State] {
  if (state === 'absent' || !isMeant(change, state.record)) return [{ refused: 'image_not_found' }, state]
  if (!holds(onlyIf, state.record)) return [preconditionFailed, state]
  const { object, tokens } = state
  const { unreadable: _, ...former } = state.record
  const changed = change.merge && mergedMetadata(state.record, change.merge)
  if (typeof changed === 'string') return [{ refused: changed }, state]
  const label = change.label === undefined ? former.label : change.label && nfc(change.label)
  const metadata = changed ?? change.metadata ?? former.metadata
  const isUndescribed = (object?.properties.tokens ?? tokens)!.includes(undescribedToken)
  const described = { ...describingProperties({ label, metadata }, isUndescribed), updatedAt: clock.now() }
  const present = { ...state, record: { ...former, label, metadata, updatedAt: described.updatedAt } }
  if (object === undefined) return [{ patched: true }, { ...present, patch: { label: null, ...described } }]
  const { label: _label, ...kept } = object.properties
  return [{ patched: true }, { ...present, object: { ...object, properties: { ...kept, ...described } } }]
}

function removed({ contentHash, onlyIf }: RemoveStep, state: State): [StepResult, State] {
  if (state === 'absent' || (contentHash ?? state.record.contentHash) !== state.record.contentHash)
    return [{ absent: true }, state]
  if (!holds(onlyIf, state.record)) return [preconditionFailed, state]
  return [{ removed: true }, 'absent']
}
