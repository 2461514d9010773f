import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { isCudaInstalled, missingLibrary } from '../../src/embedding/cuda-library.js'

test('the fetched CUDA library matches the release of the package', () => {
  const require = createRequire(import.meta.url)
  const folder = require.resolve('onnxruntime-node').replace(/dist\/index\.js$/, '')
  const { version } = require(`${folder}package.json`) as { version: string }
  const { nuget } = require(`${folder}script/install-metadata-versions.js`) as { nuget: { version: string }[] }
  assert.deepEqual([...new Set(nuget.map((one) => one.version))], [version])
})

test('the linker reports a missing library by name', (t) => {
  if (isCudaInstalled()) return t.skip('this machine has it')
  assert.match(missingLibrary() ?? '', /libonnxruntime_providers_cuda\.so: cannot open shared object file/)
})
