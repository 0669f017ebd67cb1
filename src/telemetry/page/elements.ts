/** Elements with texts. Never with markup: names in a timeline are chosen by guests and models. */

interface Attributes {
  class?: string;
  title?: string;
  colSpan?: number;
}

export type Content = string | HTMLElement | undefined;

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...content: readonly Content[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (attributes.class !== undefined) made.className = attributes.class;
  if (attributes.title !== undefined) made.title = attributes.title;
  if (attributes.colSpan !== undefined) made.setAttribute('colspan', String(attributes.colSpan));
  for (const part of content) if (part !== undefined) made.append(part);
  return made;
}

export function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', {}, text);
  made.type = 'button';
  made.setAttribute('aria-label', label);
  made.addEventListener('click', onClick);
  return made;
}

/** Buttons of which one is chosen. */
export function choice<Key extends string>(
  options: readonly (readonly [Key, string])[],
  onChoose: (key: Key) => void,
): HTMLElement {
  const buttons = options.map(([key, text]) => [key, button(text, text, () => choose(key))] as const);
  const choose = (chosen: Key) => {
    for (const [key, one] of buttons) one.setAttribute('aria-pressed', String(key === chosen));
    onChoose(chosen);
  };
  for (const [key, one] of buttons) one.setAttribute('aria-pressed', String(key === options[0]?.[0]));
  return element('div', { class: 'buttons' }, ...buttons.map(([, one]) => one));
}

/** A dot of a colour of the style sheet, with its name. */
export function legendEntry(colour: string, text: string): HTMLElement {
  const dot = element('i');
  dot.style.background = `var(--${colour})`;
  return element('li', {}, dot, text);
}
