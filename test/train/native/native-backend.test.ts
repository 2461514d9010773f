import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { nativeIsBuilt } from '../../../src/train/native/native-backend.js'

const skip = nativeIsBuilt() ? false : 'native TensorFlow is not set up; npm run train:setup'

test('the native backend computes without a warning', { skip }, () => {
  const backend = new URL('../../../src/train/backend.js', import.meta.url).href
  const script = `
    import * as tf from '@tensorflow/tfjs-core'
    const { chooseBackend } = await import(${JSON.stringify(backend)})
    await chooseBackend('tensorflow')
    console.log(tf.concat([tf.tensor1d([1]), tf.tensor1d([2])]).dataSync().join())`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.deepEqual([stdout, stderr], ['1,2\n', ''])
})
