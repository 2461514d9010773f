import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { GpuGauge, readGpus, readingsOf } from '../../src/embedding/gpu-readings.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const output = [
  '0, GPU-aaaa-1, 1000, 81559, 37',
  '1, GPU-bbbb-2, 20, 81559, 0',
  '2, GPU-bbbb-3, 300, 40960, [N/A]',
  '',
].join('\n')
const mib = 2 ** 20

const rows: {
  says: string
  devices: number[]
  visible: string
  used: (number | undefined)[] | undefined
  text?: string
}[] = [
  { says: 'a device is the GPU of its number', devices: [0], visible: '', used: [1000] },
  { says: 'devices keep their order', devices: [2, 0], visible: '', used: [300, 1000] },
  { says: 'CUDA counts the GPUs that are visible, by number', devices: [0, 1], visible: '2, 1', used: [300, 20] },
  { says: 'and by id', devices: [0], visible: 'GPU-bbbb-2,GPU-aaaa-1', used: [20] },
  { says: 'or by how an id begins', devices: [1], visible: '0,GPU-aa', used: [1000] },
  { says: 'a device that is not visible has no memory', devices: [1], visible: '2', used: undefined },
  { says: 'nor has one that does not exist', devices: [3], visible: '', used: undefined },
  { says: 'a part of a GPU is not told', devices: [0], visible: 'MIG-cccc', used: undefined },
  {
    says: 'memory that the driver does not tell is not 0',
    devices: [0],
    visible: '',
    text: '0, GPU-aaaa-1, [N/A], [N/A]',
    used: undefined,
  },
  { says: 'output of another form is none', devices: [0], visible: '', text: 'NVIDIA-SMI has failed', used: undefined },
  { says: 'nor is an empty one', devices: [0], visible: '', text: '', used: undefined },
]
for (const { says, devices, visible, used, text = output } of rows) {
  test(`${says}: ${JSON.stringify({ devices, visible })}`, () => {
    const found = readingsOf(devices, text, visible)
    assert.deepEqual(
      found?.map(({ usedBytes }) => usedBytes / mib),
      used,
    )
    assert.deepEqual(
      found?.map(({ device }) => device),
      used && devices,
    )
  })
}

test('load is reported as a share; for a GPU whose driver does not report it, only memory', () => {
  assert.deepEqual(
    readingsOf([0, 1, 2], output, '')?.map(({ utilization }) => utilization),
    [0.37, 0, undefined],
  )
})

/** A stand-in for the driver's tool, first on the PATH. */
async function standIn(t: TestContext, script: string): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const { PATH } = process.env
  t.after(() => {
    process.env.PATH = PATH
  })
  process.env.PATH = `${folder}:${PATH}`
  return folder
}

test('the tool is queried once for many readings', async (t) => {
  const folder = await standIn(t, `echo "$@" >> "$(dirname "$0")/asked"; echo '0, GPU-aaaa-1, 1000, 81559, 37'`)
  const gauge = new GpuGauge([0], '')
  const [reading] = await until(() => gauge.read().length > 0 && gauge.read(), 'a reading')
  assert.deepEqual(reading, { device: 0, usedBytes: 1000 * mib, totalBytes: 81559 * mib, utilization: 0.37 })
  assert.equal(
    await readFile(join(folder, 'asked'), 'utf8'),
    '--query-gpu=index,uuid,memory.used,memory.total,utilization.gpu --format=csv,noheader,nounits\n',
  )
})

test('a tool that hangs, fails or floods is abandoned, and nothing fails', async (t) => {
  await standIn(t, 'exec sleep 60')
  assert.equal(await readGpus([0], ''), undefined)
  await standIn(t, 'echo "0, GPU-aaaa-1, 1000, 81559, 37"; exit 9')
  assert.equal(await readGpus([0], ''), undefined)
  await standIn(t, 'yes "0, GPU-aaaa-1, 1000, 81559, 37"')
  assert.equal(await readGpus([0], ''), undefined)
})

test('without nvidia-smi nothing is reported and nothing fails', async (t) => {
  const { PATH } = process.env
  t.after(() => {
    process.env.PATH = PATH
  })
  process.env.PATH = '/nowhere'
  assert.equal(await readGpus([0], ''), undefined)
  const gauge = new GpuGauge([0], '')
  assert.deepEqual(gauge.read(), [])
})

test('without GPUs the tool is not even called', () => {
  assert.deepEqual(new GpuGauge([], '').read(), [])
})
