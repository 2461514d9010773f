/** Settings: sources of pictures for jobs other than uploads. */
import { Type } from 'typebox'

export const sourceSettings = {
  ingestS3Buckets: Type.String({
    default: '',
    description:
      'S3 buckets that jobs may ingest from, separated by commas: `photos`, or `archive/2024/` for the keys that begin with a prefix, which should therefore end with a slash; none: ingestion from S3 is disabled. Anyone who may write to a gallery can read them.',
  }),
  ingestS3Endpoint: Type.String({
    default: '',
    description: 'URL of the S3 store of these buckets if it is not Amazon’s, such as `http://minio:9000`.',
  }),
  ingestS3Region: Type.String({ default: 'us-east-1', minLength: 1, description: 'Region of these buckets.' }),
  ingestS3Profile: Type.String({
    default: '',
    description:
      'Profile of the AWS configuration files with the credentials for these buckets; none: those that S3 clients find (`AWS_ACCESS_KEY_ID`, the machine’s role, …).',
  }),
  watchFolders: Type.String({
    default: '',
    description:
      'Local folders whose new and changed pictures are ingested, as pairs of gallery and folder separated by commas: `actions=/srv/photos, scans=/mnt/scanner`. Several folders fill one gallery if each has a prefix for its ids: `photos/nas1=/mnt/nas1, photos/nas2=/mnt/nas2`. The galleries must exist.',
  }),
  watchEverySeconds: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 86_400,
    description:
      'Time between two scans of a watched folder; up to ten times as long if a scan takes more than a tenth of it.',
  }),
  watchSettleSeconds: Type.Integer({
    default: 5,
    minimum: 0,
    maximum: 86_400,
    description:
      'Time for which a file in a watched folder must be unchanged before it is ingested, or gone before its picture is removed.',
  }),
  watchRemovals: Type.Enum(['keep', 'remove'], {
    default: 'keep',
    description:
      'Whether a picture is kept in the gallery or removed from it when its file is deleted from a watched folder.',
  }),
}
