/** Opens the store of originals according to the settings. */
import { join } from 'node:path'
import { FolderOriginals } from './folder-originals.js'
import type { putFile } from './original-files.js'
import type { OriginalStore, Owners } from './original-store.js'
import type { S3Connection } from './s3-originals.js'
import type { S3Owners, S3OwnersOptions } from './s3-owners.js'
import type { S3Uploads } from './s3-uploads.js'

export interface OriginalsSettings {
  dataDir: string
  originalsS3Bucket: string
  originalsS3Prefix: string
  originalsS3Endpoint: string
  originalsS3Region: string
}

/** For the parts of an upload of many gigabytes. */
const joiningMs = 600_000

/** Who else uses the bucket. @returns undefined without a bucket */
export async function openS3Owners(
  settings: OriginalsSettings,
  owners: Pick<S3OwnersOptions, 'id' | 'knows' | 'onOthers'>,
): Promise<S3Owners | undefined> {
  if (settings.originalsS3Bucket === '') return undefined
  const [{ S3Owners }, { s3Client }] = await Promise.all([import('./s3-owners.js'), import('./s3-originals.js')])
  return new S3Owners({
    ...owners,
    client: s3Client(connectionOf(settings)),
    bucket: settings.originalsS3Bucket,
    prefix: settings.originalsS3Prefix,
  })
}

/** For uploads of jobs run by several processes. @returns undefined without a bucket */
export async function openSharedUploads(
  settings: OriginalsSettings,
  owners?: Owners | undefined,
): Promise<S3Uploads | undefined> {
  if (settings.originalsS3Bucket === '') return undefined
  const [{ S3Uploads }, { s3Client, patientSilentMs }] = await Promise.all([
    import('./s3-uploads.js'),
    import('./s3-originals.js'),
  ])
  return new S3Uploads({
    client: s3Client({ ...connectionOf(settings), silentMs: patientSilentMs }),
    joining: s3Client({ ...connectionOf(settings), silentMs: joiningMs }),
    bucket: settings.originalsS3Bucket,
    prefix: `${settings.originalsS3Prefix}uploads/`,
    owners,
  })
}

/**
 * Opened even if the default is not to keep originals, because a gallery may keep them.
 * @param put writes files, in a folder
 */
export async function openOriginals(
  settings: OriginalsSettings,
  { owners, put }: { owners?: Owners | undefined; put?: typeof putFile | undefined } = {},
): Promise<OriginalStore> {
  if (settings.originalsS3Bucket === '') return new FolderOriginals(join(settings.dataDir, 'originals'), put)
  const { S3Originals } = await import('./s3-originals.js') // a large package, loaded only with a bucket
  return new S3Originals({
    bucket: settings.originalsS3Bucket,
    prefix: settings.originalsS3Prefix,
    owners,
    ...connectionOf(settings),
  })
}

export function connectionOf({
  originalsS3Endpoint: endpoint,
  originalsS3Region: region,
}: OriginalsSettings): S3Connection {
  return { region, forcePathStyle: endpoint !== '', ...(endpoint !== '' && { endpoint }) }
}
