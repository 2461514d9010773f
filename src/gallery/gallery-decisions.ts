/** Decisions about the findings of one gallery: stored, then applied to the serving set, whatever engine it is in. */
import { isDeepStrictEqual } from 'node:util'
import { AlikeError, ignoring } from '../errors.js'
import { inStoredForm, nfc } from '../text.js'
import type { DecidedFinding, DecisionStore, NewDecision, StoredDecision } from './decisions.js'
import type { OpenSet } from './engine.js'
import { holdSoon } from './held-locks.js'
import type { ImageRecord } from './records.js'
import type { HeldLock } from './writes.js'

export interface GalleryDecisionsOptions {
  galleryUid: string
  store: DecisionStore
  /** The serving set. */
  set: Pick<OpenSet, 'find' | 'patch' | 'change'>
  /** Undefined while another caller or process applies or revokes the decision. */
  tryHold(number: number): Promise<HeldLock | undefined>
}

/** Labels set at once. */
const patchedAtOnce = 32
/** While a process that starts applies the decision. */
const waitMaxMs = 30_000

export class GalleryDecisions {
  readonly #options: GalleryDecisionsOptions

  constructor(options: GalleryDecisionsOptions) {
    this.#options = options
  }

  /**
   * Labels are set, or copies deleted. What a crash interrupts is completed at the next start; a decision whose caller is
   * told that it failed is not, unless another caller or process applies it already.
   * @throws AlikeError `image_not_found`, `image_damaged`, `decisions_full`, `storage_full`, `overloaded`, `store_unreachable`
   */
  async decide(decision: NewDecision): Promise<StoredDecision> {
    const { galleryUid, store } = this.#options
    const finding = findingOf(decision, await this.#expectImages(decision.ids))
    const interrupted = await this.#interrupted(finding)
    if (interrupted !== undefined) {
      const { stored, lock } = interrupted
      return this.#finishOrGiveUp(stored, lock).finally(lock.release)
    }
    for (;;) {
      const stored = await store.add(galleryUid, finding)
      if (await this.#finishNew(stored)) return stored
    }
  }

  /**
   * Whoever repeats a decision may take it over before it is held here; then it is theirs to give up.
   * @returns false if they gave it up, or it has been revoked since
   */
  async #finishNew(stored: StoredDecision): Promise<boolean> {
    const lock = await this.#hold(stored.number)
    try {
      if ((await this.#listed(stored.number)) === undefined) return false
      if (await this.#isSettled(stored.number))
        await this.#finish(stored, lock) // of what could be neither applied nor revoked, the rest
      else await this.#finishOrGiveUp(stored, lock)
      return true
    } finally {
      await lock.release()
    }
  }

  async #finishOrGiveUp(stored: StoredDecision, lock: HeldLock): Promise<StoredDecision> {
    try {
      await this.#finish(stored, lock)
    } catch (error) {
      await this.#giveUp(stored, lock)
      throw error
    }
    return stored
  }

  async #listed(number: number): Promise<StoredDecision | undefined> {
    const [decision] = await this.#options.store.page(this.#options.galleryUid, number - 1, 1)
    return decision?.number === number ? decision : undefined
  }

  /** False if damage to others hides it. */
  async #isSettled(number: number): Promise<boolean> {
    const unsettled = await this.#options.store.unsettled(this.#options.galleryUid).catch(ignoring('data_unreadable'))
    return unsettled?.every((one) => one.number !== number) ?? false
  }

  /** The same decision of a request whose outcome its caller was not told, and which is repeated now. */
  async #interrupted(finding: DecidedFinding): Promise<{ stored: StoredDecision; lock: HeldLock } | undefined> {
    const { galleryUid, store, tryHold } = this.#options
    const find = async () => {
      // of damaged ones nobody knows what was wished
      const unsettled = await store.unsettled(galleryUid).catch(ignoring('data_unreadable'))
      return unsettled?.find((one) => isSameWish(one, finding))
    }
    const stored = await find()
    const lock = stored && (await tryHold(stored.number))
    if (lock === undefined) return undefined // another request is applying it
    // which may have ended just now
    const now = await find().catch(() => undefined)
    if (now?.number === stored?.number) return { stored: stored!, lock }
    await lock.release()
    return undefined
  }

  /**
   * In order of arrival.
   * @param after `number` of the last one read; 0: from the first
   * @param ids only those about at least one of these images, which may be gone; undefined: all
   */
  page(after: number, limit: number, ids?: readonly string[]): Promise<StoredDecision[]> {
    const forms = ids && [...new Set(ids.flatMap((id) => [id, nfc(id)]))]
    return this.#options.store.page(this.#options.galleryUid, after, limit, forms)
  }

  /**
   * The finding is reported again. A label that was set, and is still there, is restored to its previous value; deleted
   * images stay deleted.
   * @throws AlikeError `decision_not_found`, `storage_full`, `overloaded`, `store_unreachable`
   */
  async takeBack(number: number): Promise<void> {
    const lock = await this.#hold(number)
    await this.#revoke(number, lock).finally(lock.release)
  }

  async #revoke(number: number, lock: HeldLock): Promise<void> {
    const { galleryUid, store } = this.#options
    const decision = await this.#listed(number)
    if (decision === undefined) throw new AlikeError('decision_not_found')
    if (decision.decision === 'set-label')
      await this.#relabel(
        decision.images.map(({ id, contentHash, label, labelBefore }) => ({
          id,
          contentHash,
          from: label,
          to: labelBefore,
        })),
      )
    // removed last, so that an interrupted revocation can be repeated
    await expectHeld(lock)
    await store.remove(galleryUid, number)
  }

  /**
   * Applies what a previous process stored but may not have applied; what cannot be applied now is left to the next
   * start, and what another process is applying or revoking is left to that one.
   */
  async finishUnsettled(): Promise<void> {
    const { galleryUid, store, tryHold } = this.#options
    try {
      for (const { number } of await store.unsettled(galleryUid)) {
        const lock = await tryHold(number)
        if (lock === undefined) continue
        try {
          // another process may have held it until now
          const decision = (await store.unsettled(galleryUid)).find((one) => one.number === number)
          if (decision !== undefined) await this.#finish(decision, lock)
        } finally {
          await lock.release()
        }
      }
    } catch (error) {
      if (!(error instanceof AlikeError)) throw error
    }
  }

  /** If it cannot be revoked either, it stays in the list for its caller to revoke, with what was applied of it. */
  async #giveUp({ number }: StoredDecision, lock: HeldLock): Promise<void> {
    const { galleryUid, store } = this.#options
    if (!(await lock.isHeld())) return // whoever holds it now goes on with it
    await this.#revoke(number, lock)
      .catch(async () => {
        if (await lock.isHeld()) await store.settle(galleryUid, number)
      })
      .catch(() => {}) // as after a crash
  }

  /** @throws AlikeError `overloaded`, `store_unreachable` */
  #hold(number: number): Promise<HeldLock> {
    return holdSoon(() => this.#options.tryHold(number), {
      waitMaxMs,
      detail: 'The decision is being applied.',
      retryAfterSeconds: 5,
    })
  }

  async #finish(decision: StoredDecision, lock: HeldLock): Promise<void> {
    const { galleryUid, store, set } = this.#options
    if (decision.decision === 'set-label')
      await this.#relabel(
        decision.images.map(({ id, contentHash, label, labelBefore }) => ({
          id,
          contentHash,
          from: labelBefore,
          to: label,
        })),
      )
    if (decision.decision === 'keep-one') {
      const decidedOf = new Map(decision.images.map((image) => [image.id, image]))
      const stored = await set.find([...decidedOf.keys()])
      const unchanged = stored.filter(({ id, contentHash }) => decidedOf.get(id)?.contentHash === contentHash)
      const copies = unchanged.filter(({ id }) => id !== decision.keep)
      // without the one to keep, they may be the last ones
      const isKept = copies.length < unchanged.length
      if (isKept && copies.length > 0)
        await set.change(copies.map(({ id, contentHash }) => ({ remove: id, contentHash })))
    }
    await expectHeld(lock)
    await store.settle(galleryUid, decision.number)
  }

  /** Only for images that are unchanged since the decision. */
  async #relabel(
    labels: readonly { id: string; contentHash: string; from: string | null; to: string | null }[],
  ): Promise<void> {
    const { set } = this.#options
    const stored = new Map((await set.find(labels.map(({ id }) => id))).map((image) => [image.id, image]))
    const wanted = labels.filter(({ id, contentHash, from, to }) => {
      const image = stored.get(id)
      return image?.contentHash === contentHash && image.label === from && from !== to
    })
    for (let begin = 0; begin < wanted.length; begin += patchedAtOnce) {
      const patched = await Promise.allSettled(
        wanted
          .slice(begin, begin + patchedAtOnce)
          .map(({ id, contentHash, from, to }) =>
            set.patch(id, { label: to, of: { contentHash, label: from } }).catch(ignoring('image_not_found')),
          ),
      )
      // only now: none is still being written
      for (const one of patched) if (one.status === 'rejected') throw one.reason
    }
  }

  /**
   * The images with these ids, once each.
   * @throws AlikeError `image_not_found`, `image_damaged`
   */
  async #expectImages(ids: readonly string[]): Promise<ImageRecord[]> {
    const images = new Map<string, ImageRecord>()
    for (const id of new Set(ids)) {
      const [image] = await this.#options.set.find([id])
      if (image === undefined) throw new AlikeError('image_not_found', { detail: `There is no ${id}.` })
      if (image.unreadable === 'record') throw new AlikeError('image_damaged')
      images.set(image.id, image)
    }
    return [...images.values()]
  }
}

/** Another process may be applying or revoking the decision since. @throws AlikeError `store_unreachable` */
async function expectHeld(lock: HeldLock): Promise<void> {
  if (!(await lock.isHeld())) throw new AlikeError('store_unreachable', { retryAfterSeconds: 5 })
}

/** Labels before make no difference: the interrupted one may have set its own. */
function isSameWish(one: DecidedFinding, other: DecidedFinding): boolean {
  const [wish, otherWish] = [one, other].map(({ kind, decision, images, keep, by }) => ({
    ...{ kind, decision, keep, by },
    images: images.map(({ id, contentHash, label }) => ({ id, contentHash, label })),
  }))
  return isDeepStrictEqual(wish, otherWish)
}

function findingOf(decision: NewDecision, images: readonly ImageRecord[]): DecidedFinding {
  const label = decision.decision === 'set-label' ? decision.label && nfc(decision.label) : undefined
  const keep =
    decision.decision === 'keep-one'
      ? inStoredForm(decision.keep, (form) => images.find(({ id }) => id === form))?.id
      : undefined
  const relabelled = label === undefined ? 0 : images.filter((image) => image.label !== label).length
  const removed = keep === undefined ? 0 : images.filter(({ id }) => id !== keep).length
  return {
    kind: decision.kind,
    decision: decision.decision,
    images: images.map((image) => ({
      id: image.id,
      contentHash: image.contentHash,
      label: label === undefined ? image.label : label,
      labelBefore: image.label,
    })),
    ...(label !== undefined && { label }),
    ...(keep !== undefined && { keep }),
    changed: relabelled + removed,
    by: decision.by,
  }
}
