/** Storage of query pictures: one store per gallery, separate from the gallery's originals and deleted with it. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeniedRemovals } from './denied-removals.js'
import { FolderOriginals } from './folder-originals.js'
import { connectionOf, type OriginalsSettings } from './open-originals.js'
import { type putFile, unlessAbsent } from './original-files.js'
import type { OriginalStore, Owners } from './original-store.js'

export interface QueryStores {
  of(galleryUid: string): OriginalStore
  /** Uids of galleries with stored queries. */
  galleries(): Promise<string[]>
  /** Deletes everything of a gallery, except what the store denies. */
  drop(galleryUid: string, removals: DeniedRemovals): Promise<void>
  /** Whether queries of unknown galleries may be deleted: not while another installation stores its own there. */
  areOwn(): Promise<boolean>
}

/** @param put writes files, in a folder; default: always */
export async function openQueryStores(
  settings: OriginalsSettings,
  { owners, put }: { owners?: Owners | undefined; put?: typeof putFile | undefined } = {},
): Promise<QueryStores> {
  const { dataDir, originalsS3Bucket: bucket, originalsS3Prefix } = settings
  if (bucket === '') return folderStores(join(dataDir, 'queries'), owners, put)
  const { patientSilentMs, S3Originals, foldersBelow, s3Client } = await import('./s3-originals.js')
  const prefix = `${originalsS3Prefix}queries/`
  const connection = connectionOf(settings)
  const client = s3Client(connection)
  const patient = s3Client({ ...connection, silentMs: patientSilentMs })
  const shared = { bucket, owners, client, patient, ...connection }
  const of = (uid: string) => new S3Originals({ ...shared, prefix: `${prefix}${uid}/` })
  return {
    of,
    galleries: () => foldersBelow(client, bucket, prefix),
    async drop(uid, removals) {
      const store = of(uid)
      for await (const { contentHash } of store.list()) await removals.remove(store, contentHash, whenever)
    },
    areOwn: async () => (await owners?.areAlone()) ?? true,
  }
}

/** Later than any stored item. */
export const whenever = new Date(8.64e15)

function folderStores(folder: string, owners: Owners | undefined, put: typeof putFile | undefined): QueryStores {
  return {
    of: (uid) => new FolderOriginals(join(folder, uid), put),
    galleries: async () => (await unlessAbsent(readdir(folder))) ?? [],
    drop: (uid) => rm(join(folder, uid), { recursive: true, force: true }),
    areOwn: async () => (await owners?.areAlone()) ?? true,
  }
}
