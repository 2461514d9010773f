/** Installs a model folder in a running service through `POST /v1/models`. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import type { TestApp } from './app.js'

export interface InstalledModel {
  id: string
  name: string
}

export async function archiveOfModel(folder: string): Promise<Buffer> {
  const tar = pack()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) tar.entry({ name: `mine/${relative(folder, path)}` }, await readFile(path))
  }
  tar.finalize()
  return buffer(tar)
}

export async function installModel(app: Pick<TestApp, 'call'>, folder: string): Promise<InstalledModel> {
  return app.call<InstalledModel>(201, {
    method: 'POST',
    url: '/v1/models',
    headers: { 'content-type': 'application/x-tar' },
    payload: await archiveOfModel(folder),
  })
}
