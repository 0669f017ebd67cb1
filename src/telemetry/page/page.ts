/** The script of a timeline's page. It is put into the page itself, which loads nothing from anywhere. */
import { element } from './elements.ts';
import { fromPageData, type PageData } from './page-data.ts';
import { figures, header, phasesSection } from './summary.ts';
import { callsSection, operationsSection } from './tables.ts';
import { timelineSection } from './timeline-section.ts';

const data = JSON.parse(document.getElementById('data')?.textContent ?? '') as PageData;
const report = fromPageData(data);
const spans = report.usage?.spans ?? [];
const timeline = timelineSection(report);

document
  .querySelector('main')
  ?.append(
    header(report, data.environment),
    ...(report.message === undefined ? [] : [element('p', { class: 'message' }, report.message)]),
    figures(report),
    timeline.section,
    phasesSection(report),
    ...(spans.some(({ operations }) => operations !== undefined) ? [operationsSection(spans)] : []),
    callsSection(report, timeline.show),
    element('footer', {}, 'wasi-nn-host. This page is one file, and loads nothing from anywhere.'),
  );
