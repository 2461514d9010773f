/** Uploads, one at a time for each gallery. They go on, and their results stay, while other screens are shown. */
import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { askBeforeClosing } from '../controls/ask-before-closing.js'
import { say } from '../controls/toasts.js'
import { route } from '../routing/route.js'
import type { PathedFile } from './dropped-files.js'
import { type SendProgress, type SendResult, sendImages } from './send-images.js'
import { resultText } from './upload-result.js'

export interface Sending {
  progress: SendProgress
  stop: AbortController
}

export interface EndedUpload {
  files: readonly PathedFile[]
  label: string
  result: SendResult
}

/** Of a gallery's latest upload. */
export interface Upload {
  sending?: Sending
  ended?: EndedUpload
  error?: unknown
}

const uploads = signal<ReadonlyMap<string, Upload>>(new Map())
const none: Upload = {}

askBeforeClosing(() => [...uploads.value.values()].some(({ sending }) => sending && isUnsent(sending)))

/** The service goes on with what it has received. */
function isUnsent({ progress: { sentFiles, files } }: Sending): boolean {
  return sentFiles < files
}

export function uploadOf(gallery: string): Upload {
  return uploads.value.get(gallery) ?? none
}

export function setUpload(gallery: string, upload: Upload = none): void {
  uploads.value = new Map([...uploads.value, [gallery, upload]])
}

/** @param label for pictures outside folders */
export async function upload(gallery: string, files: readonly PathedFile[], label: string): Promise<void> {
  if (files.length === 0) return
  if (uploadOf(gallery).sending !== undefined) return say('An upload is under way: add these once it has ended.')
  const stop = new AbortController()
  const onProgress = (progress: SendProgress) => setUpload(gallery, { sending: { progress, stop } })
  onProgress({ files: files.length, sentFiles: 0, stored: 0 })
  try {
    const result = await sendImages({ gallery, files, label, signal: stop.signal, onProgress })
    setUpload(gallery, { ended: { files, label, result }, error: result.error })
    if (!isShown(gallery)) say(`Upload to ${gallery}: ${resultText(result)}.`)
  } catch (error) {
    setUpload(gallery, stop.signal.aborted ? none : { error })
    if (stop.signal.aborted) say('The upload was stopped. Pictures that were stored until then stay.')
  }
}

function isShown(gallery: string): boolean {
  return route.value.screen === 'gallery' && route.value.gallery === gallery
}

export interface UploadWatcher {
  /** Told how many pictures are stored so far, none at first. */
  onStored: (stored: number) => void
  onEnd: () => void
}

export function useUpload(gallery: string, { onStored, onEnd }: UploadWatcher): Upload {
  const latest = uploadOf(gallery)
  const stored = latest.sending?.progress.stored
  const wasSending = useRef(false)
  useEffect(() => {
    if (stored !== undefined) onStored(stored)
    else if (wasSending.current) onEnd()
    wasSending.current = stored !== undefined
  }, [stored])
  return latest
}
