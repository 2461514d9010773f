/**
 * Prepares storage for a set in its engine, once: the catalogue remembers that it was done, so that a set which its
 * engine has lost is reported, and not silently recreated empty.
 */
import { AlikeError, hasCode } from '../errors.js'
import type { Catalogue, CatalogueEntry, CatalogueSet } from './catalogue.js'
import type { Engine, StorageWishes } from './engine.js'
import { holdSoon, tryHold } from './held-locks.js'
import type { RoutedSets } from './routed-sets.js'
import type { SharedWrites } from './writes.js'

/**
 * @throws AlikeError `engine_unsupported` for wishes that its engine cannot grant, `data_unreadable`, `gallery_not_found` for a set
 * that was removed meanwhile; as `Engine.prepare`
 */
export async function makeRoom(set: CatalogueSet, routed: RoutedSets, wishes: StorageWishes): Promise<void> {
  const { uid, about } = set
  const engine = routed.engineOf(set.engine)
  expectGranted(engine, wishes)
  if (engine.prepare === undefined) return
  await engine.prepare(routed.stated({ set }), Object.fromEntries(wished(wishes)), isMade(set))
  if (!isMade(set)) await rememberMade({ uid, about }, engine, routed)
}

export interface MakingRoom {
  wishes: StorageWishes
  /** Defined if several processes share the catalogue: one of them prepares the set, for it may do so in its own folder. */
  shared: SharedWrites | undefined
}

/** The same for the serving set of a gallery. @throws as `makeRoom` does; AlikeError `overloaded`, `store_unreachable` */
export async function makeRoomOf(
  entry: CatalogueEntry,
  routed: RoutedSets,
  { wishes, shared }: MakingRoom,
): Promise<void> {
  // without reading its sets, because the record of the other one may be damaged
  const engine = routed.engineOf(entry.engine)
  if (engine.prepare === undefined) return expectGranted(engine, wishes)
  const set = async () => (await routed.catalogue.sets(entry.uid)).find(({ uid }) => uid === entry.set.uid)!
  const found = await set()
  if (isMade(found)) return makeRoom(found, routed, wishes)
  const lock = await holdSoon(() => tryHold({ shared }, 'sets', entry.name), {
    waitMaxMs: 10_000,
    detail: 'Another process is changing the gallery.',
    retryAfterSeconds: 2,
  })
  await (async () => makeRoom(await set(), routed, wishes))().finally(lock.release)
}

/** @throws AlikeError `engine_unsupported` for wishes that the engine cannot grant */
export function expectGranted({ takesWishes }: Engine, wishes: StorageWishes): void {
  if (takesWishes === true) return
  const names = wished(wishes).map(([name]) => name)
  if (names.length > 0) throw new AlikeError('engine_unsupported', { detail: `It has no ${names.join(', ')}.` })
}

function wished(wishes: StorageWishes) {
  return Object.entries(wishes).filter(([, wish]) => wish !== undefined)
}

/**
 * Called before other processes are told of the gallery: until its storage is prepared, nobody knows which of them will
 * have it.
 * @throws AlikeError `gallery_not_found`
 */
export async function expectMade({ engine, set }: CatalogueEntry, routed: RoutedSets): Promise<void> {
  if (routed.engineOf(engine).prepare === undefined || (await isKept(set, routed.catalogue))) return
  throw new AlikeError('gallery_not_found', { detail: 'It is being created.' })
}

/** Whether the catalogue has the set, with its storage prepared. @throws AlikeError `gallery_not_found` */
export async function isKept(
  { uid, galleryUid }: Pick<CatalogueSet, 'uid' | 'galleryUid'>,
  { sets }: Pick<Catalogue, 'sets'>,
): Promise<boolean> {
  return (await sets(galleryUid)).some((set) => set.uid === uid && isMade(set))
}

/** Whether its storage has been prepared. */
export function isMade({ about }: Pick<CatalogueSet, 'about'>): boolean {
  return about['isMade'] === true
}

/** If the set was removed before its storage existed, that storage is dropped now. */
async function rememberMade(
  { uid, about }: Pick<CatalogueSet, 'uid' | 'about'>,
  engine: Engine,
  { catalogue }: RoutedSets,
): Promise<void> {
  try {
    await catalogue.changeSet(uid, { about: { ...about, isMade: true } })
  } catch (error) {
    if (!hasCode(error, 'set_not_found', 'gallery_not_found')) throw error
    await engine.drop({ uid })
    throw new AlikeError('gallery_not_found', { cause: error })
  }
}
