// A pointer that is pressed on a chip → where the chip is dropped. A short movement stays a click; a vertical one on a phone scrolls.

interface Drag {
  readonly chips: readonly HTMLElement[];
  readonly from: number;
  /** Called with the index that the chip should have. */
  drop(to: number): void;
}

/** px that tell a drag from a click. */
const THRESHOLD = 6;

export function startDrag(start: PointerEvent, { chips, from, drop }: Drag): void {
  if (start.button !== 0 || chips.length < 2) return;
  const chip = chips[from];
  const ended = new AbortController();
  const { signal } = ended;
  let dragging = false;
  let to = from;
  const mark = (index: number) => {
    for (const [i, other] of chips.entries()) {
      other.classList.toggle('before', dragging && i === index && index < from);
      other.classList.toggle('after', dragging && i === index && index > from);
    }
  };
  const move = (event: PointerEvent) => {
    if (!dragging && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < THRESHOLD) return;
    if (!dragging) {
      dragging = true;
      chip.classList.add('dragging');
    }
    to = nearest(chips, event.clientX, event.clientY);
    mark(to);
  };
  const end = (event: PointerEvent) => {
    ended.abort();
    chip.classList.remove('dragging');
    const moved = dragging;
    dragging = false;
    mark(-1);
    if (!moved) return;
    // The click that follows a drag selects nothing; there is none if the pointer left the window.
    const swallowed = new AbortController();
    chip.addEventListener('click', (click) => click.stopImmediatePropagation(), {
      capture: true,
      signal: swallowed.signal,
    });
    setTimeout(() => swallowed.abort());
    if (event.type === 'pointerup' && to !== from) drop(to);
  };
  addEventListener('pointermove', move, { signal });
  addEventListener('pointerup', end, { signal });
  addEventListener('pointercancel', end, { signal });
}

/** The chip whose middle is nearest to the pointer; rows count more than columns. */
function nearest(chips: readonly HTMLElement[], x: number, y: number): number {
  const distances = chips.map((chip) => {
    const box = chip.getBoundingClientRect();
    return Math.abs(box.left + box.width / 2 - x) + 4 * Math.abs(box.top + box.height / 2 - y);
  });
  return distances.indexOf(Math.min(...distances));
}
