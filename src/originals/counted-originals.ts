/** Wraps a store of originals to report what is stored, for a metric. */
import type { OriginalStore } from './original-store.js'

export function counted(store: OriginalStore, onPut: (bytes: number) => void): OriginalStore {
  return {
    put: async (contentHash, bytes) => {
      await store.put(contentHash, bytes)
      onPut(bytes.length)
    },
    get: (contentHash) => store.get(contentHash),
    size: (contentHash) => store.size(contentHash),
    read: (contentHash, range) => store.read(contentHash, range),
    remove: (contentHash, youngerThan) => store.remove(contentHash, youngerThan),
    list: () => store.list(),
  }
}
