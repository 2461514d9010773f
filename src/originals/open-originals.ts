/** Opens the store of originals according to the settings. */
import { join } from 'node:path'
import { FolderOriginals } from './folder-originals.js'
import type { OriginalStore } from './original-store.js'
import type { S3Connection } from './s3-originals.js'
import type { S3Uploads } from './s3-uploads.js'

export interface OriginalsSettings {
  dataDir: string
  originalsS3Bucket: string
  originalsS3Prefix: string
  originalsS3Endpoint: string
  originalsS3Region: string
}

/** For uploads of jobs run by several processes. @returns undefined without a bucket */
export async function openSharedUploads(settings: OriginalsSettings): Promise<S3Uploads | undefined> {
  if (settings.originalsS3Bucket === '') return undefined
  const [{ S3Uploads }, { s3Client }] = await Promise.all([import('./s3-uploads.js'), import('./s3-originals.js')])
  return new S3Uploads({
    client: s3Client(connectionOf(settings)),
    bucket: settings.originalsS3Bucket,
    prefix: `${settings.originalsS3Prefix}uploads/`,
  })
}

/** Opened even if the default is not to keep originals, because a gallery may keep them. */
export async function openOriginals(settings: OriginalsSettings): Promise<OriginalStore> {
  if (settings.originalsS3Bucket === '') return new FolderOriginals(join(settings.dataDir, 'originals'))
  const { S3Originals } = await import('./s3-originals.js') // a large package, loaded only with a bucket
  return new S3Originals({
    bucket: settings.originalsS3Bucket,
    prefix: settings.originalsS3Prefix,
    ...connectionOf(settings),
  })
}

export function connectionOf({
  originalsS3Endpoint: endpoint,
  originalsS3Region: region,
}: OriginalsSettings): S3Connection {
  return { region, forcePathStyle: endpoint !== '', ...(endpoint !== '' && { endpoint }) }
}
