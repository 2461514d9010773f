/** What ships: its licences are listed and known, and the images can be built for both architectures. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import {
  bundledPackages,
  describeLicenses,
  licensesFile,
  lockedPackages,
  shippedPackages,
} from '../../src/cli/write-licenses.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const packages = await lockedPackages()

/** Reviewed by a person, including their requirements. */
const known = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  '(MIT OR CC0-1.0)',
  // libvips and libheif, as separate libraries
  'LGPL-3.0',
  'LGPL-3.0-or-later',
  'Apache-2.0 AND LGPL-3.0-or-later',
  'Apache-2.0 AND LGPL-3.0-or-later AND MIT',
])

test('LICENSES.md is what npm run licenses writes, and is part of the images', async () => {
  assert.equal(readFileSync(licensesFile, 'utf8'), await describeLicenses())
  const targets = readFileSync('Dockerfile', 'utf8')
    .split(/^FROM /m)
    .filter((stage) => stage.includes('CMD ['))
  assert.equal(targets.length, 2)
  for (const stage of targets) assert.match(stage, /^COPY package\.json LICENSE LICENSES\.md /m)
})

test('everything that ships has a reviewed licence', () => {
  const all = [...shippedPackages(packages), ...bundledPackages(packages)]
  assert.ok(all.length > 200)
  assert.deepEqual(
    all.filter(({ license }) => !known.has(license)),
    [],
  )
})

test("the console's imports are among the packages whose licences its files include", () => {
  const names = new Set(bundledPackages(packages).map(({ name }) => name))
  const imported = readdirSync('src/console', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => [...readFileSync(join('src/console', file), 'utf8').matchAll(/\bfrom '([^.'][^']*)'/g)])
    .map(([, specifier]) =>
      specifier!
        .split('/')
        .slice(0, specifier!.startsWith('@') ? 2 : 1)
        .join('/'),
    )
    .filter((name) => name in { ...packages } || `node_modules/${name}` in packages)
    .filter((name) => packages[`node_modules/${name}`]?.link !== true)
  assert.ok(imported.length > 0)
  assert.deepEqual(
    [...new Set(imported)].filter((name) => !names.has(name)),
    [],
  )
})

test('the release script pins every image to a digest, or changes nothing', async (t) => {
  const folder = await temporaryFolder(t)
  await cp('docker', join(folder, 'docker'), { recursive: true })
  await cp('Dockerfile', join(folder, 'Dockerfile'))
  const files = ['Dockerfile', 'docker/train.Dockerfile', 'docker/compose.yaml', 'docker/compose.scale.yaml']
  const read = () => files.map((file) => readFileSync(join(folder, file), 'utf8'))
  const pin = async (digest: string) => {
    await writeFile(join(folder, 'docker-cli'), `#!/bin/sh\necho ${digest}\n`, { mode: 0o755 })
    await rm(join(folder, 'bin'), { recursive: true, force: true })
    await mkdir(join(folder, 'bin'))
    await rename(join(folder, 'docker-cli'), join(folder, 'bin', 'docker'))
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
    return promisify(execFile)('bash', ['docker/pin-digests.sh'], { cwd: folder, env })
  }
  const before = read()
  await assert.rejects(pin('none'))
  assert.deepEqual(read(), before)
  for (const digest of [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]) {
    await pin(digest)
    const images = read().flatMap((text) =>
      [...text.matchAll(/^(?:ARG [A-Z_]*IMAGE=| *image: )(.*)$/gm)].map(([, image]) => image!),
    )
    assert.ok(images.length >= 5)
    for (const image of images) assert.ok(image.startsWith('alike:') || image.endsWith(`@${digest}`), image)
  }
  assert.deepEqual(
    read().map((text) => text.replaceAll(`@sha256:${'b'.repeat(64)}`, '')),
    before.map((text) => text.replaceAll(/@sha256:[0-9a-f]{64}/g, '')),
  )
})

test('images that compile the sources copy every workspace and everything that the sources import', () => {
  const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
  const outside = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...readFileSync(join('src', file), 'utf8').matchAll(/ from '(\.\.[^']*)'/g)].map(([, path]) =>
        normalize(join('src', file, '..', path!)),
      ),
    )
    .filter((path) => !path.startsWith('src/'))
  assert.ok(outside.length > 0)
  for (const recipe of ['Dockerfile', 'docker/train.Dockerfile']) {
    const copied = [...readFileSync(recipe, 'utf8').matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(([, sources]) =>
      sources!.split(' '),
    )
    for (const workspace of workspaces)
      assert.ok(copied.includes(`${workspace}/package.json`), `${recipe}: ${workspace}`)
    for (const path of new Set(outside))
      assert.ok(
        copied.some((source) => path.startsWith(`${source}/`)),
        `${recipe}: ${path}`,
      )
  }
})

test('the folders of packages that the image is searched for and rid of are there: `find` fails without one', () => {
  const named = [
    ...readFileSync('Dockerfile', 'utf8').matchAll(/(?:find|rm -rf)((?: \\?\s*node_modules\/[\w./-]+)+) /g),
  ]
    .flatMap(([, paths]) => paths!.split(/[\s\\]+/))
    .filter((path) => path !== '' && path !== 'node_modules/.bin/node')
  assert.ok(named.length >= 6, named.join(', '))
  assert.deepEqual(
    named.filter((path) => !existsSync(path)),
    [],
  )
})

test('every native addon that ships for x86-64 has an arm64 counterpart', () => {
  const shipped = Object.entries(packages).filter(([place, { dev }]) => place.startsWith('node_modules/') && !dev)
  const names = new Set(shipped.map(([place]) => place))
  // packages with a platform in their name: both are locked, at the same version
  const ofX64 = shipped.filter(([place]) => /linux(musl)?-x64$/.test(place))
  assert.ok(ofX64.length >= 4)
  for (const [place, { version }] of ofX64) {
    const like = place.replace(/-x64$/, '-arm64')
    assert.ok(names.has(like), `${like} is not locked`)
    assert.equal(packages[like]!.version, version)
  }
  // packages that contain addons for every platform
  const addons = shipped
    .filter(([place]) => existsSync(place) && !/-(x64|arm64)$/.test(place))
    .flatMap(([place]) =>
      readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.node$/.test(file) && /linux(musl)?[-/]x64/.test(file))
        .map((file) => join(place, file)),
    )
  assert.ok(addons.length >= 3, `${addons}`)
  for (const file of addons) assert.ok(existsSync(file.replace(/x64/, 'arm64')), `${file} has no counterpart for arm64`)
  // compiled at installation, by the image's compiler
  const compiled = shipped.filter(
    ([place]) => existsSync(join(place, 'binding.gyp')) && !addons.some((file) => file.startsWith(`${place}/`)),
  )
  assert.deepEqual(
    compiled.map(([place]) => place),
    ['node_modules/hnswlib-node'],
  )
})
