/** Takes a picture with the camera, if the browser allows it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Dialog } from '../controls/dialog.js'
import { FileButton } from '../controls/file-button.js'
import { Notice } from '../controls/notice.js'

export function Camera({ onImage, onClose }: { onImage: (file: File) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null)
  const refusal = useCamera(video)
  /** It shows a picture, and so has a size. */
  const [ready, setReady] = useState(false)
  const take = async () => onImage(await takeImage(video.current!))

  return (
    <Dialog title="Camera" onClose={onClose} wide>
      {refusal === undefined ? (
        <>
          <video
            ref={video}
            class="camera"
            autoplay
            playsInline
            muted
            aria-label="What the camera sees"
            onLoadedData={() => setReady(true)}
          />
          <button type="button" class="primary" disabled={!ready} onClick={take}>
            Take the picture
          </button>
        </>
      ) : (
        <>
          <Notice kind="fault">{refusal}</Notice>
          <FileButton
            name="Use the camera’s own app"
            accept="image/*"
            capture="environment"
            onFiles={([file]) => file && onImage(file)}
          />
        </>
      )}
    </Dialog>
  )
}

/** Shows what the camera sees; returns why it cannot. */
function useCamera(video: { current: HTMLVideoElement | null }): string | undefined {
  const [refusal, setRefusal] = useState<string>()
  useEffect(() => {
    let stream: MediaStream | undefined
    let left = false
    openCamera().then(
      (opened) => {
        stream = opened
        if (left) stopCamera(opened)
        else if (video.current !== null) video.current.srcObject = opened
      },
      (error: unknown) => setRefusal(refusalText(error)),
    )
    return () => {
      left = true
      stopCamera(stream)
    }
  }, [])
  return refusal
}

async function openCamera(): Promise<MediaStream> {
  // browsers hide it from pages loaded over a network without TLS
  if (navigator.mediaDevices === undefined) throw new Error('Browsers allow camera access over https only.')
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
}

/** Without a camera Safari says "Invalid constraint". */
function refusalText(error: unknown): string {
  const { name, message = String(error) } = error as Partial<Error>
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'This device has no camera.' : message
}

function stopCamera(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

async function takeImage(video: HTMLVideoElement): Promise<File> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
  canvas.getContext('2d')!.drawImage(video, 0, 0)
  return new File([await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 })], 'camera.jpg', {
    type: 'image/jpeg',
  })
}
