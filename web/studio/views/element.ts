// What all views of the studio are: they show its model, and draw themselves anew when it says that it has changed.
import { LitElement, type PropertyValues } from 'lit';
import type { Studio } from '../state/studio.ts';

export class StudioElement extends LitElement {
  static override properties: Record<string, object> = { studio: { attribute: false } };
  declare studio: Studio;
  /** The event of the model that this view waits for. */
  protected readonly follows: 'change' | 'history' = 'change';
  #followed: Studio | undefined;
  readonly #update = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow(this.studio);
  }
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#follow(undefined);
  }
  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('studio')) this.#follow(this.studio);
  }
  #follow(studio: Studio | undefined): void {
    if (studio === this.#followed) return;
    this.#followed?.removeEventListener(this.follows, this.#update);
    studio?.addEventListener(this.follows, this.#update);
    this.#followed = studio;
  }
}
