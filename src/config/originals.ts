/** Settings: whether and where pictures are kept as they came. */
import { Type } from 'typebox'

export const originalsSettings = {
  originals: Type.Enum(['keep', 'reference', 'none'], {
    default: 'keep',
    description:
      'Of galleries that do not say: whether pictures are kept as they came (by their content hash), referred to where their owner has them, or neither; without them a gallery cannot be embedded again by another model.',
  }),
  originalsS3Bucket: Type.String({
    default: '',
    description:
      'Bucket of an S3 store for them, with the credentials that its clients read (`AWS_ACCESS_KEY_ID`, the machine’s role, …); none: `originals` in the data folder.',
  }),
  originalsS3Prefix: Type.String({
    default: 'originals/',
    description: 'What their names in the bucket begin with.',
  }),
  originalsS3Endpoint: Type.String({
    default: '',
    description: 'Address of an S3 store that is not Amazon’s, as `http://minio:9000`.',
  }),
  originalsS3Region: Type.String({ default: 'us-east-1', minLength: 1, description: 'Region of the bucket.' }),
  keptQueriesDays: Type.Number({
    default: 30,
    minimum: 0.01,
    maximum: 3650,
    description:
      'Days for which pictures that were searched with are kept, in galleries whose `keepQueries` asks for it; then they are removed.',
  }),
}
