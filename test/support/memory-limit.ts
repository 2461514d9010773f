/** A kernel control group that limits a process's memory, as a container does; only if we may create one. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface MemoryLimit {
  hold(pid: number): void
  /** Number of processes killed by the kernel for exceeding it. */
  kills(): number
}

/** @returns undefined if groups cannot be created */
export function memoryLimit(t: TestContext, bytes: number): MemoryLimit | undefined {
  const second = existsSync('/sys/fs/cgroup/cgroup.controllers')
  const folder = join(second ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory', `alike-test-${process.pid}`)
  try {
    mkdirSync(folder)
    t.after(() => {
      for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean))
        writeFileSync(join(folder, '..', 'cgroup.procs'), pid)
      rmdirSync(folder)
    })
    writeFileSync(join(folder, second ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes))
    return {
      hold: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
      kills: () =>
        Number(
          /^oom_kill (\d+)$/m.exec(
            readFileSync(join(folder, second ? 'memory.events' : 'memory.oom_control'), 'utf8'),
          )?.[1] ?? 0,
        ),
    }
  } catch {
    return undefined
  }
}

/** The peak memory of a process (VmHWM). */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
