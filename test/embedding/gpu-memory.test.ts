import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GpuMemoryGauge, memoryOf, readGpuMemory } from '../../src/embedding/gpu-memory.js'

const output = ['0, GPU-aaaa-1, 1000, 81559', '1, GPU-bbbb-2, 20, 81559', '2, GPU-bbbb-3, 300, 40960', ''].join('\n')
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
    const found = memoryOf(devices, text, visible)
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

test('where nvidia-smi is not to be had, nothing is told and nothing fails', async (t) => {
  const { PATH } = process.env
  t.after(() => {
    process.env.PATH = PATH
  })
  process.env.PATH = '/nowhere'
  assert.equal(await readGpuMemory([0], ''), undefined)
  const gauge = new GpuMemoryGauge([0], '')
  assert.deepEqual(gauge.read(), [])
})

test('without GPUs nothing is even asked', () => {
  assert.deepEqual(new GpuMemoryGauge([], '').read(), [])
})
