/**
 * Room for a set in its engine, made once: the catalogue remembers that it was, so that a set which its engine has lost is told,
 * and not begun anew under everybody's eyes.
 */
import { AlikeError } from '../errors.js'
import type { Catalogue, CatalogueSet } from './catalogue.js'
import type { EmbeddingSet, Engine, StorageWishes } from './engine.js'

export interface Room {
  catalogue: Pick<Catalogue, 'changeSet'>
  /** That the set lives in. */
  engine: Engine
  stated: EmbeddingSet
  wishes: StorageWishes
}

/** @throws AlikeError `engine_unsupported` for wishes that its engine can not grant; as `Engine.prepare` */
export async function makeRoom(
  { uid, about }: Pick<CatalogueSet, 'uid' | 'about'>,
  { catalogue, engine, stated, wishes }: Room,
): Promise<void> {
  const wished = Object.entries(wishes).filter(([, wish]) => wish !== undefined)
  if (engine.prepare !== undefined) {
    const isMade = about['isMade'] === true
    await engine.prepare(stated, Object.fromEntries(wished), isMade)
    if (!isMade) await catalogue.changeSet(uid, { about: { ...about, isMade: true } })
  } else if (wished.length > 0)
    throw new AlikeError('engine_unsupported', { detail: `It has no ${wished.map(([name]) => name).join(', ')}.` })
}
