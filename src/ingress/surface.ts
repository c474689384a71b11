/** What every surface of the agents' listener is given: the data path's services, and who is at the other end. */

import type { Connection } from '../model/agent.ts'
import type { Services } from '../pipeline/index.ts'

export interface SurfaceContext {
  readonly services: Services
  /** Printed in `Chaperone-Refused-By`. */
  readonly companionId: string
  /** Most header fields a message may have. */
  readonly maxHeaders: number
}

export interface SurfaceRequest {
  readonly context: SurfaceContext
  readonly connection: Connection
}
