/**
 * The Python client against the running service, if PYTHON (default python3) has its dependencies: `pip install
 * 'clients/python[dev]'`.
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const run = promisify(execFile)
const python = process.env['PYTHON'] ?? 'python3'
const cwd = 'clients/python'

/** @returns what is missing in this Python, if anything */
function lacks(...modules: string[]): string | false {
  const { status } = spawnSync(python, ['-c', `import ${modules.join(', ')}`])
  return status === 0 ? false : `${python} has not ${modules.join(', ')}`
}

test('the client works against the service as documented', {
  skip: lacks('httpx', 'httpx_sse', 'pytest'),
}, async (t) => {
  const app = await startApp(t)
  const image = join(await temporaryFolder(t), 'picture.jpg')
  await writeFile(image, await drawImage('circle', 1))
  const env = { ...process.env, ALIKE_URL: await app.listen(), ALIKE_PICTURE: image, PYTHONDONTWRITEBYTECODE: '1' }
  const { stdout } = await run(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider'], { cwd, env })
  assert.match(stdout, /\d+ passed/)
  assert.doesNotMatch(stdout, /skipped/)
})

test('its types are valid and match openapi.yaml; `npm run openapi` writes them', {
  skip: lacks('mypy', 'datamodel_code_generator', 'yaml'),
}, async (t) => {
  const cache = await temporaryFolder(t)
  await run(python, ['-m', 'mypy', `--cache-dir=${cache}`, 'src', 'generate.py'], { cwd })
  await run(python, ['generate.py', '--check'], { cwd, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } })
})

test('its package can be built', { skip: lacks('build') }, async (t) => {
  const folder = await temporaryFolder(t)
  await run(python, ['-m', 'build', '--outdir', folder], { cwd })
  assert.deepEqual(
    (await readdir(folder))
      .map((name) => name.replace(/-[\d.]+(?=[-.])/, '').replace(/^.*(?=\.whl$|\.tar\.gz$)/, ''))
      .sort(),
    ['.tar.gz', '.whl'],
  )
})
