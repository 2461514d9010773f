/**
 * Against a real S3 server: `ALIKE_S3_ENDPOINT` names one, with `ALIKE_S3_KEY` and `ALIKE_S3_SECRET`; `test/support/s3-server.sh`
 * installs and starts one. Skipped without.
 */
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { S3Originals } from '../../src/originals/s3-originals.js'
import { testOriginalStore } from './original-stores.js'

const {
  ALIKE_S3_ENDPOINT: endpoint,
  ALIKE_S3_KEY: accessKeyId = 'alike',
  ALIKE_S3_SECRET: secretAccessKey = 'alikealike',
} = process.env

if (endpoint === undefined) test.skip('S3: ALIKE_S3_ENDPOINT names no server')
else
  testOriginalStore('S3', async () => {
    const bucket = `originals-${randomBytes(6).toString('hex')}`
    const connection = {
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    }
    await new S3Client(connection).send(new CreateBucketCommand({ Bucket: bucket }))
    return new S3Originals({ bucket, prefix: 'alike/', ...connection })
  })
