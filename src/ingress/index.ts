/** Public door of ingress/: the agents' listeners. */
export { openAgentListeners, type AgentListeners } from './agent-listeners.ts'
