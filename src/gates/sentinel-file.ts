/** The sentinel file of the kill switch: on while something stands at its path, or while that cannot be told. */

import { lstat } from 'node:fs/promises'

export type SentinelState = 'absent' | 'present' | 'unreadable'

export interface SentinelOptions {
  readonly path: string
  /** Told the first state, and every other one after a change; all but `absent` mean on. */
  readonly onState: (state: SentinelState) => void
  readonly probe?: (path: string) => Promise<SentinelState>
  readonly intervalMs?: number
  /** A probe that takes longer counts as `unreadable`: a hung network mount must not hold the switch open. */
  readonly probeTimeoutMs?: number
}

export interface SentinelWatch {
  close(): void
}

const INTERVAL_MS = 250
const PROBE_TIMEOUT_MS = 5000

/** Looks at once, then again and again; polling, since file events are lost on network mounts and bind mounts. @returns after the first look */
export async function watchSentinelFile(options: SentinelOptions): Promise<SentinelWatch> {
  const { path, onState, probe = probeSentinel, intervalMs = INTERVAL_MS, probeTimeoutMs = PROBE_TIMEOUT_MS } = options
  let timer: NodeJS.Timeout | undefined
  let told: SentinelState | undefined
  let closed = false
  let probing: Promise<SentinelState> | undefined

  const look = async (): Promise<void> => {
    // A hung probe holds a thread of the pool: there is never a second one beside it.
    probing ??= probe(path).finally(() => {
      probing = undefined
    })
    const state = await withinTime(probing, probeTimeoutMs)
    if (closed) return
    timer = setTimeout(() => void look(), intervalMs).unref()
    if (state === told) return
    told = state
    onState(state)
  }

  await look()
  return {
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** A dangling link counts as present: somebody put it there. */
export async function probeSentinel(path: string): Promise<SentinelState> {
  try {
    await lstat(path)
    return 'present'
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT' ? 'absent' : 'unreadable'
  }
}

async function withinTime(probing: Promise<SentinelState>, timeoutMs: number): Promise<SentinelState> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<SentinelState>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'unreadable').unref()
  })
  try {
    return await Promise.race([probing, late])
  } catch {
    // Whatever the probe could not say counts as on.
    return 'unreadable'
  } finally {
    clearTimeout(timer)
  }
}
