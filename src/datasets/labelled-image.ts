/** A picture of a data set: its label, its split, and the location of its bytes. */
export const splits = ['train', 'val', 'test'] as const
export type Split = (typeof splits)[number]

/** With other common names of the three. */
const splitNames: Record<string, Split> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
}

/** The split of that name, in whatever case, if there is one. */
export function splitNamed(name: string): Split | undefined {
  const key = name.toLowerCase()
  return Object.hasOwn(splitNames, key) ? splitNames[key] : undefined
}

/** Location of the encoded bytes: a file, or memory shared between threads for pictures from an archive. */
export type ImageSource = { path: string } | { bytes: Uint8Array<SharedArrayBuffer> }

export interface LabelledImage {
  /** Unique in the data set: the file name of a CSV row, or the path below the folder. */
  id: string
  label: string
  /** Absent if the data set has no split. */
  split?: Split
  /** Pictures of one group are (near-)copies: they share a split and never count as each other's hits. */
  group: string
  source: ImageSource
}
