/**
 * The models that can be served: the one in `MODEL_DIR`, and one folder each below `MODELS_DIR`. A model being
 * installed is verified in a temporary folder and moved into place by one rename, so that there is never half a model.
 */
import { randomUUID } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { asStorageError, isThere, makeFolder, syncFolder } from '../durable-files.js'
import { AlikeError, ignoring } from '../errors.js'
import type { EmbedderLogger } from './embedder.js'
import { type Model, networkFile, precisions, readModel } from './model-manifest.js'

const manifestFile = 'manifest.json'
/** Folders being filled or deleted. */
const unfinished = '.unfinished-'
/** A start removes older ones: processes may share the folder, and another one may just be installing a model. */
const unfinishedMaxAgeMs = 86_400_000

export class ModelFolders {
  /** The model of `MODEL_DIR`: used by galleries that name none. */
  readonly standard: Model
  readonly #folder: string
  readonly #installed = new Map<string, Model>()

  private constructor(standard: Model, folder: string) {
    this.standard = standard
    this.#folder = folder
  }

  /**
   * Folders without a valid model are skipped with a warning: a damaged one must not keep the others from serving.
   * @param folder `MODELS_DIR`; created when a model is installed, because a start must not need disk space
   * @throws AlikeError `model_unreadable` for `modelDir`
   */
  static async open(modelDir: string, folder: string, logger: EmbedderLogger): Promise<ModelFolders> {
    const folders = new ModelFolders(await readModel(modelDir), folder)
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (entry.name.startsWith(unfinished)) await removeOld(path).catch(() => {})
      else if (entry.isDirectory() || entry.isSymbolicLink()) await folders.#read(path, logger)
    }
    return folders
  }

  /** By name, the default model first. */
  list(): Model[] {
    const others = [...this.#installed.values()].sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1))
    return [this.standard, ...others]
  }

  /** @throws AlikeError `model_not_found` */
  get(idOrName: string): Model {
    const model = this.#byId(idOrName) ?? this.list().find(({ manifest }) => manifest.name === idOrName)
    if (model === undefined)
      throw new AlikeError('model_not_found', { detail: 'GET /v1/models lists those that are installed.' })
    return model
  }

  has(id: string): boolean {
    return this.#byId(id) !== undefined
  }

  /**
   * The model that produced a gallery's embeddings; called for each picture.
   * @throws AlikeError `model_mismatch` if it is not installed
   */
  served(id: string): Model {
    const model = this.#byId(id)
    if (model === undefined) throw new AlikeError('model_mismatch', { detail: 'Its model is not installed.' })
    return model
  }

  /**
   * @param fill writes the model's files into the empty folder it is given
   * @param prove checks that the model computes the right embeddings on this machine
   * @returns the installed model, or the same one if it was already installed, with the precisions that it lacked
   * @throws AlikeError `model_unreadable`, `model_exists` for another model with this name, `storage_full`; what `fill`
   * and `prove` throw
   */
  async install(
    fill: (folder: string) => Promise<void>,
    prove: (model: Model) => Promise<void>,
  ): Promise<{ model: Model; created: boolean }> {
    const draft = join(this.#folder, `${unfinished}${randomUUID()}`)
    try {
      await makeFolder(draft)
      await fill(draft)
      const drafted = await readModel(draft)
      const known = await this.#same(drafted)
      const isComplete = known !== undefined && (known === this.standard || !addsTo(known, drafted))
      if (isComplete) return { model: known, created: false }
      await prove(drafted)
      await syncFolder(draft)
      if (known !== undefined) return { model: await this.#complete(known, drafted), created: false }
      const { model, created } = await this.#place(drafted)
      this.#installed.set(model.manifest.id, model)
      return { model, created }
    } catch (error) {
      throw asStorageError(error)
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  }

  /** @throws AlikeError `model_not_found`, also for one being deleted; `model_in_use` for the one of `MODEL_DIR` */
  async remove(idOrName: string): Promise<void> {
    const model = this.get(idOrName)
    if (model === this.standard) throw new AlikeError('model_in_use', { detail: 'It is the model of MODEL_DIR.' })
    const gone = join(this.#folder, `${unfinished}${randomUUID()}`)
    const isGone = await rename(model.folder, gone).then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return true
        throw error
      },
    )
    this.#forget(model)
    if (isGone) throw new AlikeError('model_not_found', { detail: 'It has just been deleted.' })
    await syncFolder(this.#folder)
    await rm(gone, { recursive: true, force: true })
  }

  /** Moves it into place, unless another request or process did so first. @throws AlikeError `model_exists` */
  async #place(drafted: Model): Promise<{ model: Model; created: boolean }> {
    const { id, name } = drafted.manifest
    const folder = join(this.#folder, name)
    try {
      await rename(drafted.folder, folder)
      await syncFolder(this.#folder)
      return { model: { ...drafted, folder }, created: true }
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      const placed = await readModel(folder).catch(ignoring('model_unreadable'))
      if (placed?.manifest.id === id) return { model: placed, created: false }
      throw new AlikeError('model_exists', { detail: `MODELS_DIR has another folder ${name}.`, cause: error })
    }
  }

  /** The manifest comes last: interrupted, it is the model that it was. Other processes know the new files after a restart. */
  async #complete(known: Model, drafted: Model): Promise<Model> {
    const files = (await readdir(drafted.folder, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    )
    const paths = files.map(({ parentPath, name }) => relative(drafted.folder, join(parentPath, name)))
    for (const path of [...paths.filter((one) => one !== manifestFile), manifestFile]) {
      const target = join(known.folder, path)
      await makeFolder(dirname(target))
      await rename(join(drafted.folder, path), target)
      await syncFolder(dirname(target))
    }
    const model = await readModel(known.folder)
    this.#installed.set(model.manifest.id, model)
    return model
  }

  /**
   * The same model, if it is installed; those that another process deleted are forgotten.
   * @throws AlikeError `model_exists` for another model with its name
   */
  async #same({ manifest: { id, name } }: Model): Promise<Model | undefined> {
    for (const model of this.#installed.values()) {
      const { manifest, folder } = model
      if ((manifest.id === id || manifest.name === name) && !(await isThere(folder))) this.#forget(model)
    }
    const known = this.#byId(id)
    if (known === undefined) this.#expectFreeName(name)
    return known
  }

  /** Unless it has been installed again since. */
  #forget(model: Model): void {
    if (this.#installed.get(model.manifest.id) === model) this.#installed.delete(model.manifest.id)
  }

  #byId(id: string): Model | undefined {
    return id === this.standard.manifest.id ? this.standard : this.#installed.get(id)
  }

  #expectFreeName(name: string): void {
    const isTaken = this.list().some(({ manifest }) => manifest.name === name)
    if (isTaken) throw new AlikeError('model_exists', { detail: `Another model has the name ${name}.` })
  }

  async #read(path: string, logger: EmbedderLogger): Promise<void> {
    try {
      const model = await readModel(path)
      const { id, name } = model.manifest
      if (this.has(id)) return
      this.#expectFreeName(name)
      this.#installed.set(id, model)
    } catch (err) {
      logger.warn({ err, folder: path }, 'a folder of MODELS_DIR contains no usable model')
    }
  }
}

/** Whether it has files that the other lacks, and all others are the same. */
function addsTo(known: Model, drafted: Model): boolean {
  if (known.manifest.name !== drafted.manifest.name) return false
  const isKept = precisions.every((precision) => {
    const file = known.manifest.files[precision]
    return file === undefined || file.sha256 === drafted.manifest.files[precision]?.sha256
  })
  return (
    isKept &&
    precisions.some((name) => networkFile(drafted, name) !== undefined && networkFile(known, name) === undefined)
  )
}

async function removeOld(path: string): Promise<void> {
  const ageMs = Date.now() - (await stat(path)).mtimeMs
  if (ageMs > unfinishedMaxAgeMs) await rm(path, { recursive: true, force: true })
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw new AlikeError('config_invalid', {
      detail: `${folder} cannot be read: ${(error as Error).message}`,
      cause: error,
    })
  }
}
