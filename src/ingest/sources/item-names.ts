/**
 * Turns the names in an archive or form into items: numbers, ids and labels, and which entries are skipped or reported.
 */
import { AlikeError } from '../../errors.js'
import type { ReadName } from '../name-encoding.js'
import { nameOf, shownName } from '../names.js'
import { isPassedOver } from '../passed-over.js'
import { RepeatedIds } from '../repeated-ids.js'
import type { ImageDetails, ItemPlace, SourceDescription } from '../source.js'
import { detailsOf, type UploadManifest } from '../upload-manifest/upload-manifest.js'

/** An item without its bytes. */
export type NamedItem = ItemPlace &
  (ImageDetails | { skipped: true; note?: AlikeError | undefined } | { error: AlikeError })

/** Also of an upload without any files: a wrong folder was packed, or pictures under names that are ignored. */
export function withoutPictures(ignored: number): AlikeError {
  return new AlikeError('source_without_pictures', { detail: `Ignored files: ${ignored}.` })
}

/** Each item of the source passes through here in order, including those taken in by a previous run. */
export class ItemNames {
  readonly #description: SourceDescription
  readonly #manifest: UploadManifest | undefined
  readonly #ids = new RepeatedIds()
  #next = 0
  /** Of these, files that are not and were not meant to be pictures. */
  #ignored = 0

  constructor(description: SourceDescription, manifest: UploadManifest | undefined) {
    this.#description = description
    this.#manifest = manifest
  }

  /** Items so far. */
  get count(): number {
    return this.#next
  }

  /** @param name its own label takes precedence over the path's */
  next(name: ReadName & { isDevice?: boolean | undefined; label?: string | undefined }): NamedItem {
    const place = { index: this.#next++, name: shownName(name.path), isNameAssumed: name.isAssumed }
    try {
      if (isPassedOver(name, this.#description) && !this.#isNamed(name)) {
        this.#ignored++
        return { ...place, skipped: true }
      }
      if (name.misfit !== undefined) throw name.misfit
      const details = detailsOf(name.path, this.#description, this.#manifest)
      return { ...place, ...details, label: name.label ?? details.label, repeats: this.#ids.meet(details.id) }
    } catch (error) {
      if (error instanceof AlikeError) return { ...place, error }
      throw error
    }
  }

  /** Additional reported entries that are not items of the archive, from item number `from` on. */
  *passedOver(
    name: string,
    note: AlikeError,
    from: number,
  ): Generator<ItemPlace & { skipped: true; note: AlikeError }> {
    const index = this.#next++
    if (index >= from) yield { index, name, skipped: true, note }
  }

  /** Reported at the end: files named by the manifest that did not arrive, or that there was no picture at all. */
  *rest(from: number): Generator<ItemPlace & ({ skipped: true; note: AlikeError } | { error: AlikeError })> {
    for (const name of this.#manifest?.missing() ?? []) {
      const index = this.#next++
      if (index >= from) yield { index, name, error: new AlikeError('manifest_file_missing') }
    }
    if (this.#next === this.#ignored) yield* this.passedOver('the whole upload', withoutPictures(this.#ignored), from)
  }

  /** What a manifest names is not litter, whatever its name. */
  #isNamed({ path, misfit, isDevice = false }: ReadName & { isDevice?: boolean | undefined }): boolean {
    if (this.#manifest === undefined || misfit !== undefined || isDevice) return false
    try {
      return this.#manifest.names(nameOf(path).id)
    } catch {
      return false
    }
  }
}
