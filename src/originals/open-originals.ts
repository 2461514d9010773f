/** The store of originals that the settings ask for. */
import { join } from 'node:path'
import { FolderOriginals } from './folder-originals.js'
import type { OriginalStore } from './original-store.js'

export interface OriginalsSettings {
  dataDir: string
  originals: 'keep' | 'none'
  originalsS3Bucket: string
  originalsS3Prefix: string
  originalsS3Endpoint: string
  originalsS3Region: string
}

/** @returns undefined where none are kept */
export async function openOriginals(settings: OriginalsSettings): Promise<OriginalStore | undefined> {
  if (settings.originals === 'none') return undefined
  if (settings.originalsS3Bucket === '') return new FolderOriginals(join(settings.dataDir, 'originals'))
  const { S3Originals } = await import('./s3-originals.js') // a large package, for those who have a bucket
  const endpoint = settings.originalsS3Endpoint
  return new S3Originals({
    bucket: settings.originalsS3Bucket,
    prefix: settings.originalsS3Prefix,
    region: settings.originalsS3Region,
    forcePathStyle: endpoint !== '',
    ...(endpoint !== '' && { endpoint }),
  })
}
