/** Against a real S3 server, where there is one (`test/support/s3-server.ts`). */
import { test } from 'node:test'
import { S3Originals } from '../../src/originals/s3-originals.js'
import { newBucket, s3Connection, skipWithoutS3 } from '../support/s3-server.js'
import { testOriginalStore } from './original-stores.js'

if (skipWithoutS3) test.skip(`S3: ${skipWithoutS3}`)
else
  testOriginalStore('S3', async () => {
    const bucket = await newBucket('originals')
    return new S3Originals({ bucket, prefix: 'alike/', ...(await s3Connection()) })
  })
