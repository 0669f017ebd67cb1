/** What a plain run needs nothing of: bundled into a file of its own, with what it needs itself. */
export { inspect } from './inspect.ts';
export { setup } from './setup.ts';
export { RunTimeline } from './timeline.ts';
