/** The visible rows of a long list, by TanStack's virtualizer: only those are in the page. */
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface RowsOptions {
  frame: RefObject<HTMLElement | null>
  count: number
  /** In pixels. */
  rowHeight: number
}

export interface Rows {
  items: VirtualItem[]
  totalHeight: number
  scrollToRow: (row: number) => void
}

/** Rows rendered above and below the visible ones. */
const overscan = 4

export function useRows({ frame, count, rowHeight }: RowsOptions): Rows {
  const [, draw] = useState(0)
  const rows = useRef<Virtualizer<HTMLElement, HTMLElement> | undefined>(undefined)
  const options = {
    count,
    overscan,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    scrollToFn: elementScroll<HTMLElement>,
    observeElementRect: observeElementRect<HTMLElement>,
    observeElementOffset: observeElementOffset<HTMLElement>,
    onChange: () => draw((one) => one + 1),
  }
  rows.current ??= new Virtualizer(options)
  rows.current.setOptions(options)
  useLayoutEffect(() => rows.current?._didMount(), [])
  useLayoutEffect(() => rows.current?._willUpdate())
  useLayoutEffect(() => rows.current?.measure(), [rowHeight])
  return {
    items: rows.current.getVirtualItems(),
    totalHeight: rows.current.getTotalSize(),
    scrollToRow: (row) => rows.current?.scrollToIndex(row),
  }
}
