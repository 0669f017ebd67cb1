import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/engine/run-report.ts';
import { renderTimeline } from '../../src/telemetry/timeline.ts';
import { browserIsHere, openBrowser } from '../support/browser.ts';
import { skipUnless } from '../support/requirements.ts';
import { reportOf, START_MS, span, usageOf } from './reports.ts';

const operation = (name: string, type: string, wallMs: number) => ({
  name,
  type,
  implementation: 'jit_avx512_f32',
  wallMs,
  cpuMs: wallMs,
});
const operations = [
  operation('first', 'Convolution', 4),
  operation('second', 'Relu', 1),
  operation('third', 'Relu', 2),
];
const memory = [20, 50, 80].map((at) => ({ atMs: START_MS + at, guestBytes: at * 1e5, residentBytes: 5e7 + at * 1e5 }));
const spans = [
  span('instantiate', 5, 10),
  span('load', 20, 50, { detail: { byteLength: 602_112, isHit: false } }),
  span('set_input', 51, 52, { detail: { index: 0, byteLength: 602_112 } }),
  span('compute', 60, 70, { operations }),
  span('compute', 75, 80, { operations }),
  span('get_output', 81, 82, { detail: { index: 7, errno: 5, errnoName: 'runtime_error' } }),
  span('guest', 10, 99),
];
const phases = { load: { count: 1, wallMs: 30 }, compute: { count: 2, wallMs: 15 }, guest: { count: 1, wallMs: 89 } };
const REPORT = reportOf({ usage: usageOf(spans, { memory, phases, loads: { hits: 0, misses: 1 } }) });

describe.skipIf(skipUnless(browserIsHere))('the page of a timeline', () => {
  let browser: Browser;
  let folder: string;
  let page: Page;
  let faults: string[];
  let requests: string[];

  beforeAll(async () => {
    browser = await openBrowser();
    folder = mkdtempSync(join(tmpdir(), 'timeline-'));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => page.context().close());

  async function open(report: RunReport, options: BrowserContextOptions = {}): Promise<void> {
    const file = join(folder, 'timeline.html');
    writeFileSync(file, await renderTimeline(report, 'html'));
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
    faults = [];
    requests = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    await drawn();
  }

  /** Waits until what was asked of the canvas is on it. */
  const drawn = () =>
    page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  const picture = () => page.locator('canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const section = (title: string) => page.locator('section', { has: page.getByRole('heading', { name: title }) });
  const rows = (title: string) => section(title).locator('tbody tr');

  /** How many pixels of the canvas have the colour of this name in the style sheet. */
  const pixelsOf = (name: string) =>
    page.locator('canvas').evaluate((element, colour) => {
      const canvas = element as HTMLCanvasElement;
      const text = getComputedStyle(canvas).getPropertyValue(`--${colour}`).trim();
      const wanted = [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
        0,
        0,
        canvas.width,
        canvas.height,
      );
      let count = 0;
      for (let at = 0; at < data.length; at += 4)
        if (wanted.every((value, index) => data[at + index] === value)) count++;
      return count;
    }, name);

  it('draws the host, the guest, its calls and the operations in them', async () => {
    await open(REPORT);
    for (const colour of ['host', 'guest', 'load', 'compute', 'call', 'operation', 'bad', 'resident']) {
      expect(await pixelsOf(colour), colour).toBeGreaterThan(5);
    }
    expect(faults).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('sums up the run', async () => {
    await open(REPORT);
    const text = await page.locator('main').textContent();
    for (const part of ['guest.wasm', 'returned', '100 ms', '2 × 7.5 ms', '128 KiB', '1 compiled, 0 found so']) {
      expect(text).toContain(part);
    }
  });

  it('has the slowest operations, by name and by type', async () => {
    await open(REPORT);
    const names = () => rows('Slowest operations').locator('td:first-child').allInnerTexts();
    expect(await names()).toEqual(['first', 'third', 'second']);
    await section('Slowest operations').getByRole('button', { name: 'by type' }).click();
    expect(await names()).toEqual(['Convolution', 'Relu']);
    expect(await rows('Slowest operations').nth(1).textContent()).toContain('6 ms');
  });

  it('has every call, in order or the slowest first, and tells of refused ones', async () => {
    await open(REPORT);
    const names = () => rows('Phases and calls').locator('td:nth-child(2)').allInnerTexts();
    const inOrder = ['instantiate', 'load', 'set_input', 'compute', 'compute', 'get_output'];
    expect(await names()).toEqual(inOrder);
    expect(await rows('Phases and calls').last().textContent()).toContain('refused: runtime_error (errno 5)');
    await section('Phases and calls').getByRole('button', { name: 'slowest first' }).click();
    expect((await names()).slice(0, 2)).toEqual(['load', 'compute']);
  });

  it('is zoomed by buttons, keys, the wheel and rows, and shows the whole run again', async () => {
    await open(REPORT);
    const whole = await picture();
    const canvas = page.locator('canvas');
    for (const zoom of [
      () => page.getByRole('button', { name: 'Zoom in' }).click(),
      () => canvas.press('+'),
      async () => {
        await canvas.hover({ position: { x: 600, y: 100 } });
        await page.keyboard.down('Control');
        await page.mouse.wheel(0, -200);
        await page.keyboard.up('Control');
      },
      () => rows('Phases and calls').nth(3).click(),
      () => canvas.dblclick({ position: { x: 400, y: 135 } }),
    ]) {
      await zoom();
      await expect.poll(picture, { timeout: 60_000 }).not.toBe(whole);
      await page.getByRole('button', { name: 'Show the whole run' }).click();
      await expect.poll(picture, { timeout: 60_000 }).toBe(whole);
    }
  });

  it('tells what the pointer is on', async () => {
    await open(REPORT);
    await rows('Phases and calls').nth(3).click();
    // The first operation of the computation that fills the width now.
    const tip = () => page.locator('.tip > *').allTextContents();
    for (let y = 90; !(await tip()).includes('first') && y < 240; y += 6) {
      await page.locator('canvas').hover({ position: { x: 200, y } });
    }
    expect(await tip()).toEqual(['first', 'Convolution, jit_avx512_f32', '4 ms, processor 4 ms', 'order inferred']);
  });

  it('shows why a run failed', async () => {
    await open({ ...REPORT, outcome: 'failed', code: 'ERR_GUEST_TRAP', message: 'wasm trap: unreachable' });
    const text = await page.locator('main').textContent();
    expect(text).toContain('ERR_GUEST_TRAP');
    expect(text).toContain('wasm trap: unreachable');
  });

  it('takes a run that never began', async () => {
    await open(reportOf({ usage: undefined, outcome: 'failed', code: 'ERR_POOL_QUEUE_FULL', message: 'full' }));
    expect(await page.locator('main').textContent()).toContain('ERR_POOL_QUEUE_FULL');
    expect(faults).toEqual([]);
  });

  const HOSTILE = [
    '</script><script>window.owned = 1</script>',
    '<img src=x onerror="window.owned = 1">',
    '<!--<script>',
    `"'><svg onload=alert(1)>`,
    'javascript:alert(1)',
    '\u2028window.owned = 1',
  ];

  it.each(HOSTILE)('shows a name like %j as text', async (name) => {
    const usage = usageOf([
      span('load_by_name', 5, 6, { detail: { graph: name, errno: 6, errnoName: 'not_found' } }),
      span('compute', 10, 20, { operations: [{ name, type: name, implementation: name, wallMs: 1, cpuMs: 1 }] }),
      span('guest', 1, 90),
    ]);
    await open(reportOf({ module: name, message: name, outcome: 'failed', usage }));
    const shown = name.replace('\u2028', '\ufffd');
    expect(await page.locator('h1').textContent()).toBe(shown);
    expect(await page.title()).toBe(`${shown}: timeline`);
    expect(await rows('Slowest operations').first().textContent()).toContain(shown);
    expect(await page.evaluate(() => 'owned' in window)).toBe(false);
    expect(await page.locator('img, svg, iframe, object').count()).toBe(0);
    expect(faults).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('runs no other script, and loads nothing, even if somebody got markup into it', async () => {
    await open(REPORT);
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.owned = 1';
      const image = document.createElement('img');
      image.setAttribute('onerror', 'window.owned = 2');
      image.src = 'http://localhost:9/x.png';
      document.body.append(script, image);
    });
    await expect.poll(() => faults.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    expect(faults.every((fault) => fault.includes('Content Security Policy'))).toBe(true);
    expect(await page.evaluate(() => 'owned' in window)).toBe(false);
  });

  it('fits a phone', async () => {
    await open(REPORT, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1] as number);
    expect(await rows('Phases and calls').nth(1).textContent()).toContain('588 KiB');
  });

  it('is dark where the reader has it so', async () => {
    const backs: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await open(REPORT, { colorScheme });
      backs.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      expect(await pixelsOf('guest')).toBeGreaterThan(100);
      if (colorScheme === 'light') await page.context().close();
    }
    expect(backs[0]).not.toBe(backs[1]);
  });

  it('has room for all that a recorder keeps', async () => {
    const many = Array.from({ length: 500 }, (_, index) => operation(`operation ${index}`, 'Relu', 0.001));
    const calls = Array.from({ length: 20_000 }, (_, index) =>
      span('compute', 10 + index / 250, 10 + (index + 1) / 250, index < 400 ? { operations: many } : {}),
    );
    const usage = usageOf([...calls, span('guest', 10, 99)], { leftOut: { spans: 7, operations: 900 } });
    await open(reportOf({ usage }));
    expect(await section('Timeline').textContent()).toContain('7 calls and 900 operations are not shown');
    expect(await rows('Slowest operations').count()).toBe(201);
    await section('Slowest operations').getByRole('button', { name: 'Show more rows' }).click();
    expect(await rows('Slowest operations').count()).toBe(401);
    expect(faults).toEqual([]);
  });
});
