/**
 * Loads addons that `npm ci` compiles in two builds: a portable one, and one for processors with AVX2 and FMA, which
 * crashes on any other. See ADR 0018.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export type NativeBuild = 'avx2' | 'portable'
/** `alike`: vectors and graphs; `alike-pixels`: loops over pixels. */
export type NativeAddon = 'alike' | 'alike-pixels'

const require = createRequire(import.meta.url)

/** @throws Error if this build is missing */
export function loadNative<Addon>(addon: NativeAddon, build: NativeBuild): Addon {
  return require(join(dirname(require.resolve('hnswlib-node/package.json')), `build/${addon}-${build}.node`)) as Addon
}

/** The faster build, if the processor supports it and it is installed. @throws Error if none is installed */
export function loadFastest<Addon>(addon: NativeAddon): { build: NativeBuild; native: Addon } {
  try {
    if (hasAvx2(readFileSync('/proc/cpuinfo', 'latin1'))) return { build: 'avx2', native: loadNative(addon, 'avx2') }
  } catch {
    // missing file or build: fall back to the portable one
  }
  try {
    return { build: 'portable', native: loadNative(addon, 'portable') }
  } catch (cause) {
    throw new Error(`The addon ${addon} is missing: node src/cli/check-install.mjs compiles it.`, { cause })
  }
}

/** Whether every core has the instructions of the faster build. @param cpuinfo content of /proc/cpuinfo */
export function hasAvx2(cpuinfo: string): boolean {
  const cores = [...cpuinfo.matchAll(/^flags\s*:(.*)$/gm)].map(([, flags = '']) => new Set(flags.split(/\s+/)))
  return cores.length > 0 && cores.every((flags) => flags.has('avx2') && flags.has('fma'))
}
