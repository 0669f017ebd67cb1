/** A timeline as one page that stands for itself. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReport } from '../engine/run-report.ts';
import { printable } from '../errors.ts';
import { packageRoot } from '../native/addon.ts';
import { toPageData } from './page/page-data.ts';

/** Names of operations tell where they stand in a model, and may be long. */
const MAX_TEXT_CHARACTERS = 500;

/**
 * The page of a run. Whatever a guest or a model named is data in it and never markup, and the page's own policy lets no
 * script run but the one that it was made with, and nothing be loaded.
 */
export function timelinePage(report: RunReport, environment: Readonly<Record<string, string>>): string {
  const data = toPageData(report, environment, (text) => printable(text, MAX_TEXT_CHARACTERS));
  const [style, script] = [asset('timeline-page.css'), asset('timeline-page.js')];
  const policy = `default-src 'none'; script-src '${digest(script)}'; style-src '${digest(style)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escaped(data.report.module)}: timeline</title>
<style>${style}</style>
</head>
<body>
<main></main>
<noscript>The timeline of ${escaped(data.report.module)} is drawn by a script.</noscript>
<script type="application/json" id="data">${escapedJson(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function asset(name: string): string {
  return readFileSync(join(packageRoot(), 'dist', name), 'utf8');
}

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** As no HTML parser leaves a script for: neither its end nor a comment can stand in it. */
function escapedJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
