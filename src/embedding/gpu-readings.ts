/**
 * Memory and load of the GPUs, as reported by the driver's own tool. If it is unavailable, nothing is reported and
 * nothing fails.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface GpuReading {
  /** As in `CUDA_DEVICES`. */
  device: number
  /** Of the whole GPU, including other processes: the share of one process is not available inside a container. */
  usedBytes: number
  totalBytes: number
  /** Recent utilisation, 0..1; undefined if the driver does not report it, as for MIG partitions. */
  utilization: number | undefined
}

const timeoutMs = 3_000
const outputMaxBytes = 64 * 2 ** 10
const query = ['--query-gpu=index,uuid,memory.used,memory.total,utilization.gpu', '--format=csv,noheader,nounits']

/**
 * @param visible see `readingsOf`
 * @returns one reading per device, in order; undefined if any of them is missing
 */
export async function readGpus(devices: readonly number[], visible: string): Promise<GpuReading[] | undefined> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: timeoutMs, maxBuffer: outputMaxBytes })
    return readingsOf(devices, stdout, visible)
  } catch {
    return undefined
  }
}

/**
 * @param output lines `index, uuid, used MiB, total MiB, utilization %`, for every GPU of the machine
 * @param visible `CUDA_VISIBLE_DEVICES`: CUDA numbers the GPUs in this list, the tool numbers all of them; empty: no
 * list
 */
export function readingsOf(devices: readonly number[], output: string, visible: string): GpuReading[] | undefined {
  const rows = output
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
  const names = visible.trim() === '' ? undefined : visible.split(',').map((name) => name.trim())
  const found: GpuReading[] = []
  for (const device of devices) {
    const name = names === undefined ? String(device) : names[device]
    if (name === undefined) return undefined
    const row = rows.find(
      ([index, uuid]) => index === name || (name.startsWith('GPU-') && uuid?.startsWith(name) === true),
    )
    const [usedBytes, totalBytes] = [Number(row?.[2]) * 2 ** 20, Number(row?.[3]) * 2 ** 20]
    if (!Number.isFinite(usedBytes) || !Number.isFinite(totalBytes)) return undefined
    const percent = row?.[4] === undefined || row[4] === '' ? Number.NaN : Number(row[4])
    found.push({ device, usedBytes, totalBytes, utilization: Number.isFinite(percent) ? percent / 100 : undefined })
  }
  return found
}

const freshForMs = 15_000
const failuresMax = 3

/** The last reading; a request that finds it stale triggers the next. Without requests nothing runs. */
export class GpuGauge {
  readonly #devices: readonly number[]
  readonly #visible: string
  #last: readonly GpuReading[] = []
  #readAt = -Infinity
  #failures = 0

  constructor(devices: readonly number[], visible: string) {
    this.#devices = devices
    this.#visible = visible
    if (devices.length > 0) this.#read()
  }

  read(): readonly GpuReading[] {
    const stale = performance.now() - this.#readAt > freshForMs
    if (this.#devices.length > 0 && stale && this.#failures < failuresMax) this.#read()
    return this.#last
  }

  #read(): void {
    this.#readAt = performance.now()
    void readGpus(this.#devices, this.#visible).then((reading) => {
      this.#failures = reading === undefined ? this.#failures + 1 : 0
      this.#last = reading ?? []
    })
  }
}
