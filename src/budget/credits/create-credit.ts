/** From a meter to the credit that makes it durable. What is in flight ends with the process, and loops are found again: neither is kept. */

import type { AxisName } from '../axis.ts'
import { ElapsedMeter } from '../meters/elapsed.ts'
import type { Meter } from '../meters/meter.ts'
import { FailuresInRowMeter, RepeatMeter } from '../meters/repeat.ts'
import { RetryMeter } from '../meters/retry.ts'
import { SetMeter } from '../meters/set.ts'
import { SumMeter } from '../meters/sum.ts'
import type { Credit } from './credit.ts'
import { ElapsedCredit } from './elapsed-credit.ts'
import { KeyCredit } from './key-credit.ts'
import { MemberCredit } from './member-credit.ts'
import { SumCredit } from './sum-credit.ts'

export function createCredit(axis: AxisName, meter: Meter): Credit | undefined {
  if (meter instanceof SumMeter) return new SumCredit(axis, meter)
  if (meter instanceof SetMeter) return new MemberCredit(axis, meter)
  if (meter instanceof ElapsedMeter) return new ElapsedCredit(axis, meter)
  const isKeyed = meter instanceof RetryMeter || meter instanceof RepeatMeter || meter instanceof FailuresInRowMeter
  return isKeyed ? new KeyCredit(axis, meter) : undefined
}
