/** How a timeline is moved and zoomed: by mouse, wheel, touch and keys. */
import type { View } from './view.ts';

const ZOOM_STEP = 0.7;
const KEY_MOVE = 0.15;

export interface Gestures {
  /** Nothing is held any more, or a pointer only hovers. */
  onHover: (x: number, y: number) => void;
  onLeave: () => void;
  /** Double click, or Enter on the keyboard's own place. */
  onEnter: (x: number, y: number) => void;
}

export function listen(canvas: HTMLCanvasElement, view: View, { onHover, onLeave, onEnter }: Gestures): void {
  const held = new Map<number, number>();
  const at = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  canvas.addEventListener('pointerdown', (event) => {
    held.set(event.pointerId, at(event).x);
    canvas.setPointerCapture(event.pointerId);
    const { x, y } = at(event);
    onHover(x, y);
  });
  canvas.addEventListener('pointermove', (event) => {
    const { x, y } = at(event);
    const before = held.get(event.pointerId);
    if (before === undefined) return onHover(x, y);
    if (before === x) return;
    const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (other === undefined) view.move(((before - x) / canvas.clientWidth) * view.widthMs);
    else pinch(before, x, other);
    held.set(event.pointerId, x);
    onLeave();
  });
  for (const name of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(name, (event) => held.delete(event.pointerId));
  }
  canvas.addEventListener('pointerleave', onLeave);
  canvas.addEventListener('dblclick', (event) => {
    const { x, y } = at(event);
    onEnter(x, y);
  });
  canvas.addEventListener(
    'wheel',
    (event) => {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // A plain wheel scrolls the page.
      if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(event.deltaY * 0.004), at(event).x / canvas.clientWidth);
      else if (sideways || event.shiftKey) {
        view.move(((sideways ? event.deltaX : event.deltaY) / canvas.clientWidth) * view.widthMs);
      } else return;
      event.preventDefault();
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const action = KEYS[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(view);
  });

  function pinch(before: number, now: number, other: number): void {
    const [widthBefore, widthNow] = [Math.abs(before - other), Math.abs(now - other)];
    if (widthNow > 8 && widthBefore > 8) view.zoom(widthBefore / widthNow, other / canvas.clientWidth);
  }
}

const KEYS: Readonly<Record<string, (view: View) => void>> = {
  '+': (view) => view.zoom(ZOOM_STEP),
  '=': (view) => view.zoom(ZOOM_STEP),
  '-': (view) => view.zoom(1 / ZOOM_STEP),
  '0': (view) => view.fit(),
  ArrowLeft: (view) => view.move(-view.widthMs * KEY_MOVE),
  ArrowRight: (view) => view.move(view.widthMs * KEY_MOVE),
};

export { ZOOM_STEP };
