import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, GuestTrapError, HostError, OptionError, printable } from '../src/errors.ts';

const HOSTILE = 'a\u001b]0;owned\u0007\u001b[2J\nError: forged\u202eb\u2028c\u009b31m';

describe('errors', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s names its class and keeps its cause', (code) => {
    const cause = new Error('below');
    const error = new HostError(code, 'above', { cause });
    expect(error).toMatchObject({ name: 'HostError', code, message: 'above', cause });
  });

  it('have the name of their own class', () => {
    expect(new OptionError('x').name).toBe('OptionError');
    expect(new GuestTrapError('ERR_GUEST_TRAP', 'x').name).toBe('GuestTrapError');
  });

  it('are one line that no terminal obeys, whatever a module calls its imports', () => {
    const { message } = new HostError('ERR_MODULE_LINK', `unknown import: \`${HOSTILE}::f\``);
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(message).toContain('owned');
  });

  it('are cut off where they would flood', () => {
    expect(printable('x'.repeat(100), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(new HostError('ERR_MODULE_LINK', 'x'.repeat(1e6)).message.length).toBeLessThan(5_000);
  });
});
