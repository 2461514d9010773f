/** What a test creates in a catalogue, where no `Galleries` does. */
import { type NewCatalogueEntry, newUid } from '../../src/gallery/catalogue.js'
import { model } from './stored-images.js'

export function newEntry(
  more: Partial<NewCatalogueEntry> = {},
  { id: modelId, dimension }: { id: string; dimension: number } = model,
): NewCatalogueEntry {
  const uids = { uid: newUid(), setUid: newUid() }
  return { name: 'a', ...uids, engine: 'embedded', modelId, dimension, settings: {}, galleriesMax: 9, ...more }
}
