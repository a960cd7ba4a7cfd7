// CSS custom properties from values. `style="…"` is refused by a strict Content-Security-Policy; setProperty is not.
import { type ElementPart, noChange } from 'lit';
import { Directive, directive, type PartInfo, PartType } from 'lit/directive.js';

type Values = Readonly<Record<`--${string}`, string | number>>;

class CssVars extends Directive {
  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error('cssVars stands in a tag, not in an attribute or a text');
  }
  render(_values: Values): unknown {
    return noChange;
  }
  override update({ element }: ElementPart, [values]: [Values]): unknown {
    const { style } = element as HTMLElement;
    for (const [name, value] of Object.entries(values)) style.setProperty(name, String(value));
    return noChange;
  }
}

/** `<div ${cssVars({ '--share': 0.4 })}>` */
export const cssVars = directive(CssVars);
