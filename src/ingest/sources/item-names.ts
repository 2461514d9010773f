/** From the names in an archive or form to items: their numbers, ids and labels, what is passed over, what is told. */
import { AlikeError } from '../../errors.js'
import type { ReadName } from '../name-encoding.js'
import { nameOf, shownName } from '../names.js'
import { isPassedOver } from '../passed-over.js'
import { RepeatedIds } from '../repeated-ids.js'
import type { ItemPlace, SaidOfImage, SourceDescription } from '../source.js'
import { saidOf, type UploadManifest } from '../upload-manifest/upload-manifest.js'

/** An item without its bytes. */
export type NamedItem = ItemPlace &
  (SaidOfImage | { skipped: true; note?: AlikeError | undefined } | { error: AlikeError })

/** Each item of the source comes by here in its order, those that a former run has taken in as well. */
export class ItemNames {
  readonly #description: SourceDescription
  readonly #manifest: UploadManifest | undefined
  readonly #ids = new RepeatedIds()
  #next = 0

  constructor(description: SourceDescription, manifest: UploadManifest | undefined) {
    this.#description = description
    this.#manifest = manifest
  }

  /** Items so far. */
  get count(): number {
    return this.#next
  }

  /** @param name what is said of its label goes before what its path says */
  next(name: ReadName & { isDevice?: boolean | undefined; label?: string | undefined }): NamedItem {
    const place = { index: this.#next++, name: shownName(name.path), isNameAssumed: name.isAssumed }
    try {
      if (isPassedOver(name, this.#description) && !this.#isNamed(name)) return { ...place, skipped: true }
      if (name.misfit !== undefined) throw name.misfit
      const said = saidOf(name.path, this.#description, this.#manifest)
      return {
        ...place,
        ...said,
        ...(name.label !== undefined && { label: name.label }),
        repeats: this.#ids.meet(said.id),
      }
    } catch (error) {
      if (error instanceof AlikeError) return { ...place, error }
      throw error
    }
  }

  /** What is no item of the archive and is told all the same, from item number `from` on. */
  *passedOver(
    name: string,
    note: AlikeError,
    from: number,
  ): Generator<ItemPlace & { skipped: true; note: AlikeError }> {
    const index = this.#next++
    if (index >= from) yield { index, name, skipped: true, note }
  }

  /** Files that a manifest names and that did not come, from item number `from` on. */
  *missing(from: number): Generator<NamedItem & { error: AlikeError }> {
    for (const name of this.#manifest?.missing() ?? []) {
      const index = this.#next++
      if (index >= from) yield { index, name, error: new AlikeError('manifest_file_missing') }
    }
  }

  /** What a manifest names is no litter, whatever it is called. */
  #isNamed({ path, misfit, isDevice = false }: ReadName & { isDevice?: boolean | undefined }): boolean {
    if (this.#manifest === undefined || misfit !== undefined || isDevice) return false
    try {
      return this.#manifest.names(nameOf(path).id)
    } catch {
      return false
    }
  }
}
