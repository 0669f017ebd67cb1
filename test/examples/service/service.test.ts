import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';
import { FIXTURES, type RunningService, SERVICE, type ServiceConfig, startService } from './running.ts';

const newDirectory = temporaryDirectories();
const WAT = join(FIXTURES, 'guests', 'wat');
const tensor = (digit: number) => readFileSync(join(FIXTURES, 'digits', 'tensors', `${digit}.f32`));

/** As a user has it: a file with a picture, here of a digit, dark on light paper. */
function picture(digit: number, background: 'light' | 'dark' = 'light'): Promise<Buffer> {
  const values = new Float32Array(Uint8Array.from(tensor(digit)).buffer);
  const shade = (value: number) => Math.round((background === 'light' ? 1 - value : value) * 255);
  const raw = { width: 28, height: 28, channels: 1 } as const;
  return sharp(Buffer.from(values.map(shade)), { raw })
    .resize(112, 112)
    .png()
    .toBuffer();
}

interface Classified {
  graph: string;
  top: { index: number; label: string; score: number }[];
  usage: Record<string, number>;
}

describe.skipIf(skipUnless(nativeRuntime()))('the example service', () => {
  let service: RunningService;
  const post = (path: string, body: Uint8Array | string, type = 'application/octet-stream') =>
    fetch(`${service.url}${path}`, { method: 'POST', body: Buffer.from(body), headers: { 'content-type': type } });

  beforeAll(async () => {
    service = await startService(newDirectory(), (config) => {
      config.limits = { ...config.limits, timeoutMs: 120_000, maxQueueMs: 120_000 };
      config.limits.maxUploadBytes = 100_000;
      config.limits.maxOutputBytes = 10_000;
      for (const name of ['trap', 'echo']) config.modules[name] = { path: join(WAT, `${name}.wat`) };
      config.modules['endless-loop'] = { path: join(WAT, 'endless-loop.wat'), limits: { timeoutMs: 100 } };
      config.modules.classify = { ...config.modules.classify, path: join(FIXTURES, 'classify.wasm'), limits: {} };
      const infer = join(SERVICE, 'guest', 'infer.wasm');
      config.modules.granted = { path: infer, graphs: ['digits'] };
      config.modules.bare = { path: infer };
    });
  });
  afterAll(async () => {
    await service.end();
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('classifies the tensor of a %i', async (digit) => {
    const answer = await post('/classify/digits', tensor(digit));
    expect(answer.status).toBe(200);
    const { graph, top, usage } = (await answer.json()) as Classified;
    expect(graph).toBe('digits');
    expect(top[0]).toMatchObject({ index: digit, label: String(digit) });
    expect(top.map(({ score }) => score)).toEqual(top.map(({ score }) => score).sort((a, b) => b - a));
    expect(Object.keys(usage).sort()).toEqual(
      ['computeMs', 'cpuMs', 'mode', 'peakMemoryBytes', 'queueMs', 'wallMs'].sort(),
    );
  });

  it.each([
    [4, 'light'],
    [7, 'dark'],
  ] as const)('classifies a picture of a %i on %s paper', async (digit, background) => {
    const answer = await post('/classify/digits', await picture(digit, background), 'image/png');
    expect(((await answer.json()) as Classified).top[0]?.label).toBe(String(digit));
  });

  it('runs a module with arguments and with what was sent as its standard input', async () => {
    const classified = await fetch(`${service.url}/run/classify?arg=fixture&arg=tensors/3.f32`, { method: 'POST' });
    expect(await classified.json()).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('sorted top 5: [InferenceResult(3, 0.99'),
      stderr: '',
    });
    const echoed = await post('/run/echo', 'what was sent');
    expect(((await echoed.json()) as { stdout: string }).stdout).toContain('what was sent');
  });

  it.each([
    ['a graph that is not there', '/classify/letters', 404, "there is no graph 'letters'"],
    ['a module that is not there', '/run/../../etc/passwd', 404, 'not found'],
    ['a tensor of another size', '/classify/digits', 422, 'does not have as many bytes'],
  ])('answers for %s', async (_, path, status, words) => {
    const answer = await post(path, 'four');
    expect(answer.status).toBe(status);
    expect(JSON.stringify(await answer.json()).toLowerCase()).toContain(words);
  });

  it('logs what a client did wrong in a line, without a stack', async () => {
    expect((await post('/classify/digits', '', 'image/png')).status).toBe(400);
    expect((await fetch(`${service.url}/run/echo?arg=a%00b`, { method: 'POST' })).status).toBe(400);
    await expect
      .poll(() => service.log.filter(({ msg }) => msg === 'a request was refused'), { timeout: 60_000 })
      .toContainEqual(expect.objectContaining({ level: 30, code: 'FST_ERR_VALIDATION' }));
    expect(service.log.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it('answers what is no text, and what escapes would make much longer, in base64', async () => {
    const bytes = Buffer.concat([Buffer.alloc(2_000), Buffer.from([0xff])]);
    for (const sent of [bytes, Buffer.alloc(2_000)]) {
      const answer = await post('/run/echo', sent);
      const text = await answer.text();
      const { stdoutBase64 } = JSON.parse(text) as { stdoutBase64: string };
      expect(Buffer.from(stdoutBase64, 'base64').includes(sent)).toBe(true);
      expect(text.length).toBeLessThan(3 * sent.length);
    }
  });

  it('says what is wrong with a config, and does not start', async () => {
    const without = (config: Partial<ServiceConfig>) => delete config.limits;
    await expect(startService(newDirectory(), without)).rejects.toThrow("must have required property 'limits'");
  });

  it('refuses what is no image, and more than it takes', async () => {
    expect((await post('/classify/digits', 'no picture', 'image/png')).status).toBe(415);
    expect((await post('/classify/digits', '{}', 'application/json')).status).toBe(415);
    expect((await post('/classify/digits', new Uint8Array(100_001))).status).toBe(413);
  });

  it.each(['tiff', 'avif', 'svg'] as const)(
    'refuses what it has no use for, whatever it is called: %s',
    async (format) => {
      const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>');
      const image = sharp({ create: { width: 8, height: 8, channels: 3, background: '#f00' } });
      const body = format === 'svg' ? svg : await image[format]().toBuffer();
      expect((await post('/classify/digits', body, 'image/png')).status).toBe(415);
    },
  );

  it.each(['jpeg', 'png', 'webp', 'gif'] as const)('takes pictures: %s', async (format) => {
    const body = await sharp(await picture(3))
      [format]()
      .toBuffer();
    expect((await post('/classify/digits', body, `image/${format}`)).status).toBe(200);
  });

  it('refuses a small file with a large picture', async () => {
    const image = sharp({ create: { width: 5_000, height: 5_000, channels: 3, background: '#fff' } });
    const body = await image.png({ compressionLevel: 9, palette: true }).toBuffer();
    expect(body.byteLength).toBeLessThan(100_000);
    const answer = await post('/classify/digits', body, 'image/png');
    expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({
      status: 415,
      error: expect.stringContaining('pixel limit'),
    });
  });

  it.each([
    ['never ends', 'endless-loop', 504, 'ERR_GUEST_TIMEOUT'],
    ['traps', 'trap', 422, 'ERR_GUEST_TRAP'],
  ])('answers for a guest that %s, and goes on', async (_, name, status, code) => {
    const answer = await fetch(`${service.url}/run/${name}`, { method: 'POST' });
    expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({ status, code });
    expect((await post('/classify/digits', tensor(5))).status).toBe(200);
  });

  it('has a module reach the graphs that it was granted, and logs what was refused', async () => {
    const ran = async (name: string) => {
      const answer = await post(`/run/${name}?arg=digits&arg=f32&arg=1&arg=1&arg=28&arg=28`, tensor(1));
      return ((await answer.json()) as { exitCode: number }).exitCode;
    };
    expect(await ran('granted')).toBe(0);
    expect(await ran('bare')).toBe(1);
    await expect
      .poll(() => service.log.filter(({ msg }) => msg === 'a call of a guest was refused'), { timeout: 60_000 })
      .toContainEqual(
        expect.objectContaining({
          reqId: expect.stringMatching(/^req-/),
          call: 'load_by_name',
          reason: expect.stringContaining('digits'),
        }),
      );
  });

  it('answers for a guest that prints too much, with what it printed', async () => {
    const answer = await post('/run/echo', 'x'.repeat(50_000));
    expect(answer.status).toBe(422);
    const { code, stdout } = (await answer.json()) as { code: string; stdout: string };
    expect(code).toBe('ERR_GUEST_OUTPUT_LIMIT');
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout.length).toBeLessThanOrEqual(10_000);
  });

  it('tells of itself: graphs, health, metrics, and a log line for each run', async () => {
    const get = async (path: string) => (await fetch(`${service.url}${path}`)).text();
    expect(JSON.parse(await get('/graphs'))).toEqual({
      digits: {
        inputs: [{ name: 'image', elementType: 'f32', shape: [1, 1, 28, 28] }],
        outputs: [expect.objectContaining({ elementType: 'f32', shape: [1, 10] })],
      },
    });
    expect(JSON.parse(await get('/healthz'))).toMatchObject({ status: 'ok', isolation: 'thread' });
    const metrics = await get('/metrics');
    expect(metrics).toMatch(/wasi_nn_host_run_seconds_count\{[^}]*\} [1-9]/);
    expect(service.log.filter(({ msg }) => msg === 'a guest ran').length).toBeGreaterThan(10);
    expect(service.stderr()).toBe('');
  });

  it('ends, though a client does not send what it promised', async () => {
    const leaving = await startService(newDirectory(), ({ limits }) => {
      limits.maxCloseMs = 100;
    });
    const { hostname, port } = new URL(leaving.url);
    const client = connect(Number(port), hostname);
    const cut = new Promise((resolve) => client.once('close', resolve).on('error', () => {}));
    client.write('POST /classify/digits HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\n1');
    // The service has its connection, as an answer on another one that came later tells.
    await new Promise((resolve) => client.once('connect', resolve));
    expect((await fetch(`${leaving.url}/healthz`)).status).toBe(200);
    expect(await leaving.end()).toBe(0);
    await cut;
  });

  it('cuts a client that sends too slowly', async () => {
    const patient = await startService(newDirectory(), ({ limits }) => {
      limits.maxUploadMs = 200;
    });
    const { hostname, port } = new URL(patient.url);
    const client = connect(Number(port), hostname);
    client.write('POST /classify/digits HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\n1');
    let answer = '';
    for await (const bytes of client) answer += bytes;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(await patient.end()).toBe(0);
  });

  it('answers every request that it took before it ends', async () => {
    const leaving = await startService(newDirectory());
    const asked = Array.from({ length: 40 }, (_, index) =>
      fetch(`${leaving.url}/classify/digits`, {
        method: 'POST',
        body: tensor(index % 10),
        headers: { 'content-type': 'application/octet-stream' },
      }),
    );
    await asked[0];
    const ended = leaving.end();
    const settled = await Promise.allSettled(asked);
    const labels = await Promise.all(
      settled.map(async (one) =>
        one.status === 'fulfilled' ? ((await one.value.json()) as Classified).top?.[0]?.label : undefined,
      ),
    );
    // A connection that was not taken yet is refused; one that was taken has its right answer.
    for (const [index, label] of labels.entries()) if (label !== undefined) expect(label).toBe(String(index % 10));
    expect(labels.filter((label) => label !== undefined).length).toBeGreaterThan(0);
    expect(await ended).toBe(0);
    expect(leaving.stderr()).toBe('');
  });
});
