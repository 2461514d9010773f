/**
 * Loads hnswlib. The only importer of hnswlib-node, which is installed in two builds: a portable one, and one for
 * processors with AVX2 and FMA, which crashes on any other. See ADR 0018.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type hnswlibNode from 'hnswlib-node'

export type Hnswlib = typeof hnswlibNode

export type HnswlibBuild = 'avx2' | 'portable'

const require = createRequire(import.meta.url)

/** @throws Error if this build is missing */
export function loadHnswlib(build: HnswlibBuild): Hnswlib {
  if (build === 'portable') return require('hnswlib-node') as Hnswlib
  const folder = dirname(require.resolve('hnswlib-node/package.json'))
  return require(join(folder, 'build/Release/addon-avx2.node')) as Hnswlib
}

/** Whether every core has the instructions of the faster build. @param cpuinfo content of /proc/cpuinfo */
export function hasAvx2(cpuinfo: string): boolean {
  const cores = [...cpuinfo.matchAll(/^flags\s*:(.*)$/gm)].map(([, flags = '']) => new Set(flags.split(/\s+/)))
  return cores.length > 0 && cores.every((flags) => flags.has('avx2') && flags.has('fma'))
}

/** The faster build, if the processor supports it and it is installed. */
export function fastestHnswlib(): { build: HnswlibBuild; hnswlib: Hnswlib } {
  try {
    if (hasAvx2(readFileSync('/proc/cpuinfo', 'latin1'))) return { build: 'avx2', hnswlib: loadHnswlib('avx2') }
  } catch {
    // missing file or build: fall back to the portable one
  }
  return { build: 'portable', hnswlib: loadHnswlib('portable') }
}
