/** Priorities of threads and processes, relative to that with which the service was started. */
import { getPriority, setPriority } from 'node:os'

/** With this nice value something runs only when nothing else wants to. */
export const lowest = 19

/** Lowers the priority of this process; on Linux of the calling thread, and of those that it will start. */
export function lowerPriority(by: number): void {
  // relative: a service that was started with `nice` may not raise its priority
  setPriority(Math.min(lowest, getPriority() + by))
}

/** Lowers the priority of the calling thread, on Linux; elsewhere it would be the whole process. */
export function lowerThreadPriority(by: number): void {
  if (process.platform === 'linux') lowerPriority(by)
}
