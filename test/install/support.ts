import type { CliIo } from '../../src/cli/io.ts';

export interface RecordedIo {
  io: CliIo;
  stdout: () => string;
  stderr: () => string;
}

/** What a command wrote. */
export function recordedIo(env: NodeJS.ProcessEnv, stderrIsTty = false): RecordedIo {
  let stdout = '';
  let stderr = '';
  const io: CliIo = {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    env,
    stderrIsTty,
  };
  return { io, stdout: () => stdout, stderr: () => stderr };
}
