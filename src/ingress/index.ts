/** Public door of ingress/: the agents' listeners. */
export { openAgentListeners, type AgentListeners, type AgentListenersOptions } from './agent-listeners.ts'
export type { ListenerLimits } from './agent-listener.ts'
