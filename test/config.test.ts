import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig, settingsTable } from '../src/config.js'
import { AlikeError } from '../src/errors.js'

test('an empty environment gives the defaults, frozen', () => {
  const config = readConfig({})
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 8080)
  assert.equal(config.modelDir, './onnx/har-resnet50')
  assert.equal(config.requireCuda, false)
  assert.ok(Object.isFrozen(config))
})

test('variables are named like the settings and take their type', () => {
  const config = readConfig({ PORT: '0', REQUIRE_CUDA: 'TRUE', UPLOAD_MAX_BYTES: '2048', PROVIDER: 'cpu', HOST: ' 0.0.0.0 ', DATA_DIR: '' })
  assert.deepEqual(
    [config.port, config.requireCuda, config.uploadMaxBytes, config.provider, config.host, config.dataDir],
    [0, true, 2048, 'cpu', '0.0.0.0', './data'],
  )
})

test('every problem is listed at once, by its variable', () => {
  const environment = { PORT: '80a', PROVIDER: 'gpu', REQUIRE_CUDA: 'maybe', SEARCH_MAX_K: '0', LOG_LEVEL: 'loud', EMBED_WORKERS: '1.5' }
  assert.throws(() => readConfig(environment), (error) => {
    assert.ok(error instanceof AlikeError && error.code === 'config_invalid')
    for (const variable of Object.keys(environment)) assert.match(error.message, new RegExp(`\\b${variable} must be `))
    assert.match(error.message, /PROVIDER must be one of auto, cpu, cuda, not "gpu"/)
    assert.match(error.message, /PORT must be a whole number from 0 to 65535, not "80a"/)
    return true
  })
})

test('the table documents every setting in a sentence', () => {
  const rows = settingsTable().split('\n').slice(2)
  assert.equal(rows.length, Object.keys(readConfig({})).length)
  for (const row of rows) assert.match(row, /^\| `[A-Z_]+` \| [^|]+ \| [^|]* \| .+[.] \|$/, row)
})
