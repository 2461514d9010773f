import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Settings, settingsOf } from '../../src/config/config.js'
import { numbersOf } from '../../src/config/listed.js'
import { readConfig } from '../../src/config/read-config.js'
import { settingsTables } from '../../src/config/settings-tables.js'
import { AlikeError } from '../../src/errors.js'

test('an empty environment gives the defaults, frozen', () => {
  const config = readConfig({})
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 8080)
  assert.equal(config.modelDir, './onnx/har-resnet50')
  assert.equal(config.requireCuda, false)
  assert.ok(Object.isFrozen(config))
})

test('variables are named after the settings and converted to their types', () => {
  const config = readConfig({
    PORT: '0',
    REQUIRE_CUDA: 'TRUE',
    UPLOAD_MAX_BYTES: '2048',
    GATE_OVERLAP_MIN: '0.25',
    URL_MAX_PER_SECOND: '5',
    PROVIDER: 'cpu',
    HOST: ' 0.0.0.0 ',
    DATA_DIR: '',
  })
  assert.deepEqual(
    [config.port, config.requireCuda, config.uploadMaxBytes, config.provider, config.host, config.dataDir],
    [0, true, 2048, 'cpu', '0.0.0.0', './data'],
  )
  assert.deepEqual([config.gateOverlapMin, config.urlMaxPerSecond], [0.25, 5])
  assert.throws(
    () => readConfig({ GATE_OVERLAP_MIN: 'half' }),
    (error) => error instanceof AlikeError && error.message.includes('a number from 0 to 1'),
  )
})

test('credentials in a refused URL are not reported', () => {
  for (const url of ['http://weaviate:8080', 'https://weaviate/below@here'])
    assert.equal(readConfig({ WEAVIATE_URL: url }).weaviateUrl, url)
  for (const environment of [
    { WEAVIATE_URL: 'http://alike:secret@weaviate:8080' },
    { POSTGRES_URL: 'mysql://alike:secret@database/alike' },
    { POSTGRES_URL: 'mysql://alike:very secret@database/alike' },
    { POSTGRES_URL: 'alike:secret@database/alike' },
  ])
    assert.throws(
      () => readConfig(environment),
      (error) => error instanceof AlikeError && error.code === 'config_invalid' && !error.message.includes('secret'),
    )
})

test('a secret that is refused is not reported', () => {
  assert.throws(
    () => readConfig({ THUMBNAIL_LINK_SECRET: 'hunter2' }),
    (error) =>
      error instanceof AlikeError &&
      /THUMBNAIL_LINK_SECRET must be at least 32 characters/.test(error.message) &&
      !error.message.includes('hunter2'),
  )
})

test('a setting under a former name is refused, naming the present one', () => {
  for (const [former, present] of [
    ['SNAPSHOT_AFTER_WRITES', 'GRAPH_CACHE_AFTER_WRITES'],
    ['SNAPSHOT_AFTER_SECONDS', 'GRAPH_CACHE_AFTER_SECONDS'],
  ] as const) {
    const detail = `${former} is now called ${present}.`
    assert.throws(() => readConfig({ [former]: '100' }), { code: 'config_invalid', detail })
    readConfig({ [former]: '', [present]: '100' })
  }
})

test('every problem is listed at once, by variable', () => {
  const environment = {
    PORT: '80a',
    PROVIDER: 'gpu',
    REQUIRE_CUDA: 'maybe',
    SEARCH_MAX_K: '0',
    LOG_LEVEL: 'loud',
    EMBED_WORKERS: '1.5',
  }
  assert.throws(
    () => readConfig(environment),
    (error) => {
      assert.ok(error instanceof AlikeError && error.code === 'config_invalid')
      for (const variable of Object.keys(environment))
        assert.match(error.message, new RegExp(`\\b${variable} must be `))
      assert.match(error.message, /PROVIDER must be one of auto, cpu, cuda, not "gpu"/)
      assert.match(error.message, /PORT must be a whole number from 0 to 65535, not "80a"/)
      return true
    },
  )
})

test('all answers together may take what one may', () => {
  const ANSWER_MAX_BYTES = String(128 * 2 ** 20)
  assert.throws(
    () => readConfig({ ANSWER_MAX_BYTES }),
    /ANSWERS_MAX_BYTES must be at least ANSWER_MAX_BYTES, 134217728/,
  )
  assert.equal(readConfig({ ANSWER_MAX_BYTES, ANSWERS_MAX_BYTES: ANSWER_MAX_BYTES }).answersMaxBytes, 128 * 2 ** 20)
})

test('lists of numbers are parsed, and a malformed one is reported with the expected form', () => {
  const config = readConfig({ CUDA_DEVICES: '0, 1', CUDA_BATCH_SIZES: '1,8 ,256' })
  assert.deepEqual(
    [numbersOf(config.cudaDevices), numbersOf(config.cudaBatchSizes)],
    [
      [0, 1],
      [1, 8, 256],
    ],
  )
  for (const CUDA_BATCH_SIZES of ['0', '257', '1,', '1;4', '-1', '1.5', 'all', '1,2,3,4,5,6,7,8,9']) {
    assert.throws(
      () => readConfig({ CUDA_BATCH_SIZES }),
      /CUDA_BATCH_SIZES must be up to 8 whole numbers from 1 to 256, separated by commas, not/,
      CUDA_BATCH_SIZES,
    )
  }
  for (const CUDA_DEVICES of ['GPU-1', '0,,1', '1000'])
    assert.throws(() => readConfig({ CUDA_DEVICES }), /CUDA_DEVICES must be up to 16 numbers of GPUs/)
  assert.throws(() => readConfig({ CUDA_MEMORY_MAX_BYTES: '8GB' }), /CUDA_MEMORY_MAX_BYTES must be a whole number/)
})

test('a text that does not fit is reported with what would', () => {
  for (const [name, schema] of settingsOf(Settings.properties))
    if ('pattern' in schema) assert.ok(schema.accepts !== undefined, name)
  for (const [environment, message] of [
    [{ BASE_PATH: 'alike/' }, /BASE_PATH must be a path such as \/alike .+, not "alike\/"/],
    [{ BASE_PATH: '/assets' }, /BASE_PATH must be a path/],
    [{ BASE_PATH: '/openapi.yaml' }, /BASE_PATH must be a path/],
    [{ TRUST_PROXY: 'proxy' }, /TRUST_PROXY must be IP addresses and networks/],
    [{ CORS_ORIGINS: 'shop' }, /CORS_ORIGINS must be `\*`, or origins/],
    [{ JWT_ISSUER: 'idp' }, /JWT_ISSUER must be an address/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT must be an address/],
  ] as const)
    assert.throws(() => readConfig(environment), message)
  assert.equal(readConfig({ BASE_PATH: '/assets-of/alike' }).basePath, '/assets-of/alike')
})

test('the table documents every setting in a sentence', () => {
  const rows = settingsTables()
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  assert.equal(rows.length, Object.keys(readConfig({})).length)
  for (const row of rows) assert.match(row, /^\| `[A-Z\d_]+` \| [^|]+ \| [^|]* \| .+[.] \|$/, row)
})
