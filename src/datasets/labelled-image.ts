/** A picture of a data set: its label, its part, and where its bytes lie. */
export const splits = ['train', 'val', 'test'] as const
export type Split = (typeof splits)[number]

/** Where the encoded bytes lie: a file, or memory shared between threads for pictures out of an archive. */
export type ImageSource = { path: string } | { bytes: Uint8Array<SharedArrayBuffer> }

export interface LabelledImage {
  /** Unique in the data set: the file name of a CSV row, or the path below the folder. */
  id: string
  label: string
  /** Absent when the data set comes without a split. */
  split?: Split
  /** Pictures of one group are (near-)copies: they share a split and are never each other's answer. */
  group: string
  source: ImageSource
}
