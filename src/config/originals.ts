/** Settings: whether and where originals are kept. */
import { Type } from 'typebox'

export const originalsSettings = {
  originals: Type.Enum(['keep', 'reference', 'none'], {
    default: 'keep',
    description:
      'For galleries that do not state it: whether originals are stored (by content hash), referenced where their owner keeps them, or neither; without them a gallery cannot be moved to another model.',
  }),
  originalsS3Bucket: Type.String({
    default: '',
    description:
      'S3 bucket for originals, with the credentials that S3 clients find (`AWS_ACCESS_KEY_ID`, the machine’s role, …); none: `originals` in the data folder.',
  }),
  originalsS3Prefix: Type.String({
    default: 'originals/',
    description: 'Prefix of their keys in the bucket.',
  }),
  originalsS3Endpoint: Type.String({
    default: '',
    description: 'URL of an S3 store other than Amazon’s, such as `http://minio:9000`.',
  }),
  originalsS3Region: Type.String({ default: 'us-east-1', minLength: 1, description: 'Region of the bucket.' }),
  keptQueriesDays: Type.Number({
    default: 30,
    minimum: 0.01,
    maximum: 3650,
    description: 'Days after its last use for which a query picture is kept, in galleries with `keepQueries`.',
  }),
}
