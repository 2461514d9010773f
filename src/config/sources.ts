/** Settings: what jobs take pictures from besides uploads. */
import { Type } from 'typebox'

export const sourceSettings = {
  ingestS3Buckets: Type.String({
    default: '',
    description:
      'S3 buckets from which jobs may take pictures in, separated by commas: `photos`, or `archive/2024/` for what lies below a prefix; none: no job reads from a bucket. Everybody who may write to a gallery may read them.',
  }),
  ingestS3Endpoint: Type.String({
    default: '',
    description: 'Address of the S3 store of these buckets where it is not Amazon’s, as `http://minio:9000`.',
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
      'Folders of this machine whose new and changed pictures are taken in, with their galleries, separated by commas: `actions=/srv/photos, scans=/mnt/scanner`. Galleries have to exist.',
  }),
  watchEverySeconds: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 86_400,
    description:
      'Time between two looks at a watched folder; up to ten times as long where a look takes more than a tenth of it.',
  }),
  watchSettleSeconds: Type.Integer({
    default: 5,
    minimum: 0,
    maximum: 86_400,
    description: 'A file in a watched folder is taken in when it has not changed for so long.',
  }),
  watchRemovals: Type.Enum(['keep', 'remove'], {
    default: 'keep',
    description:
      'Whether a picture whose file is removed from a watched folder is kept in the gallery or removed from it.',
  }),
}
