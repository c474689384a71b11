/** From the kind of an axis to what counts it. */

import { AXES, type AxisName } from '../axis.ts'
import { CycleMeter } from './cycle.ts'
import { ElapsedMeter } from './elapsed.ts'
import { InFlightMeter, TargetsInFlightMeter } from './in-flight.ts'
import type { Meter } from './meter.ts'
import { FailuresInRowMeter, RepeatMeter } from './repeat.ts'
import { RetryMeter } from './retry.ts'
import { SetMeter } from './set.ts'
import { SumMeter } from './sum.ts'

export function createMeter(axis: AxisName): Meter {
  switch (AXES[axis].kind) {
    case 'sum':
      return new SumMeter(0)
    case 'set':
      return new SetMeter()
    case 'in_flight':
      return new InFlightMeter()
    case 'targets_in_flight':
      return new TargetsInFlightMeter()
    case 'retry':
      return new RetryMeter(axis === 'retries_per_tool')
    case 'repeat':
      return new RepeatMeter()
    case 'failures_in_row':
      return new FailuresInRowMeter()
    case 'elapsed':
      return new ElapsedMeter()
    case 'cycle':
      return new CycleMeter()
  }
}
