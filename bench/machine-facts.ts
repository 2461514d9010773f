/** The machine of a bench: its cores, and the GPU as reported by the driver's tool. */
import { execFile } from 'node:child_process'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { promisify } from 'node:util'

export interface MachineFacts {
  at: string
  node: string
  system: string
  processor: string
  cores: number
  memoryBytes: number
  /** Empty without a GPU or the tool. */
  gpus: { name: string; driver: string; memoryMiB: number }[]
}

export async function machineFacts(): Promise<MachineFacts> {
  const rows = await askNvidiaSmi('name,driver_version,memory.total')
  return {
    at: new Date().toISOString(),
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    gpus: rows.map(([name = '', driver = '', memory]) => ({ name, driver, memoryMiB: Number(memory) })),
  }
}

export interface GpuReading {
  usedMiB: number
  /** Share of the last moments in which the GPU was active at all, percent. */
  busyPercent: number
}

/** Over all GPUs: the sum of their memory, the mean of their activity; undefined if there are none. */
export async function readGpus(): Promise<GpuReading | undefined> {
  const rows = (await askNvidiaSmi('memory.used,utilization.gpu')).map((cells) => cells.map(Number))
  if (rows.length === 0) return undefined
  return {
    usedMiB: rows.reduce((sum, [used = Number.NaN]) => sum + used, 0),
    busyPercent: rows.reduce((sum, [, busy = Number.NaN]) => sum + busy, 0) / rows.length,
  }
}

async function askNvidiaSmi(fields: string): Promise<string[][]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'],
      { timeout: 5_000 },
    )
    return stdout
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(',').map((cell) => cell.trim()))
  } catch {
    return []
  }
}
