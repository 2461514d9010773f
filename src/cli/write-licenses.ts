/**
 * Writes `LICENSES.md`, the licences of everything that ships, from the lock file: `npm run licenses`. The service's
 * packages are in the images together with their licence texts; the texts of packages bundled into the console are
 * included here.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const licensesFile = 'LICENSES.md'

interface LockedPackage {
  version: string
  license?: string
  dev?: boolean
  link?: boolean
  os?: string | string[]
  dependencies?: Record<string, string>
}

/** Keyed by path in the project, such as `node_modules/sharp`. */
export type LockedPackages = Record<string, LockedPackage>

export interface ShippedPackage {
  name: string
  version: string
  license: string
}

/** Packages whose code Vite bundles into the console. */
const bundled = [
  '@noble/hashes',
  'p-map',
  'preact',
  '@preact/signals',
  '@tanstack/virtual-core',
  'uplot',
  'openapi-fetch',
  'eventsource-parser',
]
const folder = 'node_modules/'

export async function lockedPackages(): Promise<LockedPackages> {
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: LockedPackages }
  return packages
}

/** What `npm ci --omit=dev` installs on Linux. @throws Error for a package without a stated licence */
export function shippedPackages(packages: LockedPackages): ShippedPackage[] {
  return Object.entries(packages)
    .filter(([place, { dev, link, os }]) => place.startsWith(folder) && !dev && !link && isForLinux(os))
    .map(([place, found]) => shipped(place, found))
    .filter(({ name, version }, at, all) => all.findIndex((one) => one.name === name && one.version === version) === at)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The console's packages, including their dependencies. */
export function bundledPackages(packages: LockedPackages): ShippedPackage[] {
  const names = new Set(bundled)
  for (const name of names)
    for (const dependency of Object.keys(packages[folder + name]?.dependencies ?? {})) names.add(dependency)
  return [...names].sort().map((name) => shipped(folder + name, packages[folder + name]!))
}

function isForLinux(os: LockedPackage['os']): boolean {
  return os === undefined || [os].flat().includes('linux')
}

function shipped(place: string, { version, license }: LockedPackage): ShippedPackage {
  const name = place.slice(place.lastIndexOf(folder) + folder.length)
  if (license === undefined) throw new Error(`${name} states no license`)
  return { name, version, license }
}

/** Some packages write the file's name in lower case. */
async function licenseOf(path: string): Promise<string> {
  const file = (await readdir(path)).find((name) => name.toUpperCase() === 'LICENSE')
  if (file === undefined) throw new Error(`${path} has no LICENSE`)
  return readFile(join(path, file), 'utf8')
}

/** The page as Markdown. */
export async function describeLicenses(): Promise<string> {
  const packages = await lockedPackages()
  const texts = await Promise.all(
    bundledPackages(packages).map(async ({ name }) => {
      const text = await licenseOf(join(folder, name))
      return `### ${name}\n\n\`\`\`\n${text.trim().replaceAll('\r\n', '\n')}\n\`\`\`\n`
    }),
  )
  return `# Licenses of what ships

<!-- Written by \`npm run licenses\` from package-lock.json; change it there. -->

Alike itself: Apache-2.0, [LICENSE](LICENSE). Node.js and Debian in the images have theirs at \`/usr/local/LICENSE\` and
\`/usr/share/doc\`.

## Packages of the service

Their texts lie in \`node_modules\` of the images. libvips (\`@img/sharp-libvips-*\`) and libheif (\`libheif-js\`), under the LGPL, are used as
they are published, as libraries of their own that can be replaced.

${tableOf(shippedPackages(packages))}

## Packages in the files of the console

${tableOf(bundledPackages(packages))}

${texts.join('\n')}`
}

function tableOf(packages: ShippedPackage[]): string {
  const rows = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`)
  return ['| package | version | license |', '|---|---|---|', ...rows].join('\n')
}

if (process.argv[1]?.endsWith('write-licenses.js') === true) await writeFile(licensesFile, await describeLicenses())
