/** One upload at a time: its progress, and its result, which is told even if another screen is shown when it ends. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { say } from '../controls/toasts.js'
import type { PathedFile } from './dropped-files.js'
import { type SendProgress, type SendResult, sendImages } from './send-images.js'
import { resultText } from './upload-result.js'

export interface Sending {
  progress: SendProgress
  stop: AbortController
}

export interface EndedUpload {
  files: PathedFile[]
  result: SendResult
}

export interface Upload {
  sending: Sending | undefined
  ended: EndedUpload | undefined
  error: unknown
  send: (files: PathedFile[]) => Promise<void>
  setError: (error: unknown) => void
}

export interface UploadOptions {
  gallery: string
  /** For pictures outside folders. */
  label: string
  /** Told how many pictures are stored so far. */
  onStored: (stored: number) => void
  onEnd: () => void
}

export function useUpload({ gallery, label, onStored, onEnd }: UploadOptions): Upload {
  const [sending, setSending] = useState<Sending>()
  const [ended, setEnded] = useState<EndedUpload>()
  const [error, setError] = useState<unknown>()
  /** `sending` is known to the next rendering only. */
  const busy = useRef(false)
  const left = useLeft()

  const send = async (files: PathedFile[]) => {
    if (files.length === 0) return
    if (busy.current) return say('An upload is under way: add these once it has ended.')
    busy.current = true
    const stop = new AbortController()
    setEnded(undefined)
    setError(undefined)
    setSending({ progress: { files: files.length, sentFiles: 0, stored: 0 }, stop })
    try {
      const onProgress = (progress: SendProgress) => {
        setSending({ progress, stop })
        onStored(progress.stored)
      }
      const result = await sendImages({ gallery, files, label, signal: stop.signal, onProgress })
      setEnded({ files, result })
      setError(result.error)
      if (left.current) say(`Upload to ${gallery}: ${resultText(result)}.`)
    } catch (reason) {
      if (stop.signal.aborted) say('The upload was stopped. Pictures that were stored until then stay.')
      else setError(reason)
    }
    busy.current = false
    setSending(undefined)
    onEnd()
  }
  return { sending, ended, error, send, setError }
}

/** Whether the component is no longer on the page. */
function useLeft(): { readonly current: boolean } {
  const left = useRef(false)
  useEffect(
    () => () => {
      left.current = true
    },
    [],
  )
  return left
}
